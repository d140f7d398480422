using System.Globalization;
using Lorikeet.Models.Files;

namespace Lorikeet.Models.Gguf;

/// <summary>The metadata of a GGUF file, each value checked for its kind and range when it is read.</summary>
/// <param name="values">The values.</param>
/// <param name="path">The file, for messages.</param>
public sealed class GgufFields(IReadOnlyDictionary<string, GgufValue> values, string path)
{
    /// <summary>The architecture: what stands before the keys of the model's numbers.</summary>
    public string Architecture => Text("general.architecture") ?? throw Bad("has no general.architecture; expected a model or an adapter.");

    /// <summary>The file.</summary>
    public string Path => path;

    /// <summary>True where a key is there.</summary>
    /// <param name="key">The key.</param>
    public bool Has(string key) => values.ContainsKey(key);

    /// <summary>A string, or null.</summary>
    /// <param name="key">The key.</param>
    public string? Text(string key) => values.TryGetValue(key, out GgufValue? value) ? value.Value as string ?? throw Wrong(key, value, "a string") : null;

    /// <summary>A whole number of any integer type, or null.</summary>
    /// <param name="key">The key.</param>
    /// <param name="least">The smallest value accepted.</param>
    /// <param name="most">The largest value accepted.</param>
    /// <param name="none">A value that stands for none, or null.</param>
    public int? Integer(string key, int least, int most, uint? none = null)
    {
        if (!values.TryGetValue(key, out GgufValue? value) || (none is { } never && value.Value is uint found && found == never))
        {
            return null;
        }
        Int128? number = value.Value switch
        {
            byte n => n,
            sbyte n => n,
            ushort n => n,
            short n => n,
            uint n => n,
            int n => n,
            ulong n => n,
            long n => n,
            _ => null,
        };
        return number >= least && number <= most ? (int)number.Value : throw Wrong(key, value, $"a whole number from {least} to {most}");
    }

    /// <summary>A finite number, or null; a float32 as the shortest decimal that gives it.</summary>
    /// <param name="key">The key.</param>
    public double? Number(string key)
    {
        if (!values.TryGetValue(key, out GgufValue? value))
        {
            return null;
        }
        return value.Value switch
        {
            float n when float.IsFinite(n) => double.Parse(n.ToString("R", CultureInfo.InvariantCulture), CultureInfo.InvariantCulture),
            double n when double.IsFinite(n) => n,
            _ => throw Wrong(key, value, "a finite number"),
        };
    }

    /// <summary>True or false, or null.</summary>
    /// <param name="key">The key.</param>
    public bool? Flag(string key) => values.TryGetValue(key, out GgufValue? value) ? value.Value as bool? ?? throw Wrong(key, value, "true or false") : null;

    /// <summary>An array of one type, or null.</summary>
    /// <param name="key">The key.</param>
    public T[]? Items<T>(string key) =>
        values.TryGetValue(key, out GgufValue? value) ? value.Value as T[] ?? throw Wrong(key, value, $"an array of {typeof(T).Name}") : null;

    /// <summary>An error that names the file.</summary>
    /// <param name="message">What is wrong.</param>
    public BadFileException Bad(string message) => new($"{path} {message}");

    /// <summary>A refusal that names the file.</summary>
    /// <param name="message">What is not built.</param>
    public NotSupportedException Unsupported(string message) => new($"{path}: {message}");

    private BadFileException Wrong(string key, GgufValue found, string expected) =>
        new($"{path}: {BadFileException.Short(key)} is {BadFileException.Short(found.ToString())} ({found.Type}); expected {expected}.");
}
