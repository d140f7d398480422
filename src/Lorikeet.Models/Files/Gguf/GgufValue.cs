namespace Lorikeet.Models.Files;

/// <summary>One metadata value of a GGUF file with the type it is written as.</summary>
public sealed class GgufValue
{
    private GgufValue(GgufValueType type, GgufValueType element, object value)
    {
        Type = type;
        Element = element;
        Value = value;
    }

    /// <summary>The value's type.</summary>
    public GgufValueType Type { get; }

    /// <summary>The type of an array's elements; of another value its own type.</summary>
    public GgufValueType Element { get; }

    /// <summary>The value in .NET's type of that name (<c>uint</c>, <c>string</c>, <c>bool</c>), or an array of these.</summary>
    public object Value { get; }

    /// <summary>How many elements an array has; 1 for another value.</summary>
    public int Count => Value is Array array ? array.Length : 1;

    /// <summary>A value of a scalar's or string's type.</summary>
    /// <param name="value">A number, <c>bool</c> or <c>string</c>; its type says how it is written.</param>
    /// <exception cref="ArgumentException">The type has no form in the file.</exception>
    public static GgufValue Of(object value)
    {
        ArgumentNullException.ThrowIfNull(value);
        GgufValueType type = GgufTypes.Of(value.GetType());
        return new GgufValue(type, type, value);
    }

    /// <summary>An array.</summary>
    /// <param name="values">An array of numbers, <c>bool</c> or <c>string</c>.</param>
    /// <exception cref="ArgumentException">The element type has no form in the file.</exception>
    public static GgufValue OfArray(Array values)
    {
        ArgumentNullException.ThrowIfNull(values);
        return new GgufValue(GgufValueType.Array, GgufTypes.Of(values.GetType().GetElementType()!), values);
    }

    /// <inheritdoc/>
    public override string ToString() => Type == GgufValueType.Array ? $"{Count} values of {Element}" : Value.ToString() ?? "";
}
