namespace Lorikeet.Models.Text.Templates;

/// <summary>The parameters of a function: their names in order, of which the first are required.</summary>
internal sealed class Signature(string function, int required, params string[] names)
{
    public string Function => function;

    /// <summary>Puts arguments in the order of the parameters.</summary>
    /// <exception cref="TemplateException">There are too many or too few, or one is not known.</exception>
    public Bound Bind(Arguments arguments)
    {
        Value?[] values = new Value?[names.Length];
        if (arguments.Positional.Count > names.Length)
        {
            throw Raise.Runtime($"{function}() takes at most {names.Length} arguments ({arguments.Positional.Count} given)");
        }
        for (int i = 0; i < arguments.Positional.Count; i++)
        {
            values[i] = arguments.Positional[i];
        }
        foreach ((string name, Value value) in arguments.Named)
        {
            int at = Array.IndexOf(names, name);
            if (at < 0)
            {
                throw Raise.Runtime($"{function}() got an unexpected keyword argument '{name}'");
            }
            values[at] = values[at] is null ? value : throw Raise.Runtime($"{function}() got multiple values for argument '{name}'");
        }
        for (int i = 0; i < required; i++)
        {
            if (values[i] is null)
            {
                throw Raise.Runtime($"{function}() missing required argument: '{names[i]}'");
            }
        }
        return new Bound(function, values);
    }
}

/// <summary>Arguments by parameter; null where none is given.</summary>
internal readonly struct Bound(string function, Value?[] values)
{
    public Value? this[int index] => values[index];

    /// <summary>A required one.</summary>
    public Value Get(int index) => values[index]!;

    public bool Flag(int index, bool otherwise = false) => values[index]?.IsTrue ?? otherwise;

    /// <summary>A text; null where none, or None, is given.</summary>
    public string? Text(int index) => values[index] switch
    {
        null or NoneValue => null,
        StringValue s => s.Text,
        Value v => throw Raise.Runtime($"{function}() argument must be str, not {v.TypeName}"),
    };

    /// <summary>A whole number that fits; one beyond counts as the nearest that does.</summary>
    public int Number(int index, int otherwise) => values[index] switch
    {
        null => otherwise,
        Value v => Operators.AsIndex(v) is { } number
            ? (int)Math.Clamp(number, int.MinValue, int.MaxValue)
            : throw Raise.Runtime($"'{v.TypeName}' object cannot be interpreted as an integer"),
    };
}
