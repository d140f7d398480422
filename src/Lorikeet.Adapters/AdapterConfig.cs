using System.Text.Json;
using System.Text.Json.Nodes;
using Lorikeet.Models.Files;

namespace Lorikeet.Adapters;

/// <summary>Reads options from a JSON object that nobody has checked; each error is one line that says what was found and expected.</summary>
/// <param name="json">The options.</param>
/// <param name="source">The file's name in messages.</param>
public sealed class AdapterConfig(JsonObject json, string source)
{
    /// <summary>The options.</summary>
    public JsonObject Json { get; } = json;

    /// <summary>The file's name in messages.</summary>
    public string Source { get; } = source;

    /// <summary>True where a key is there and not null.</summary>
    /// <param name="key">The key.</param>
    public bool Has(string key) => Json[key] is not null;

    /// <summary>An integer; absent or null gives the default.</summary>
    /// <param name="key">The key.</param>
    /// <param name="absent">The default.</param>
    /// <param name="least">The smallest allowed.</param>
    /// <param name="most">The largest allowed.</param>
    public int Integer(string key, int absent, int least = int.MinValue, int most = int.MaxValue) =>
        Json[key] is { } node ? Integer(key, node, least, most) : absent;

    /// <summary>A finite number; absent or null gives the default.</summary>
    /// <param name="key">The key.</param>
    /// <param name="absent">The default.</param>
    public double Number(string key, double absent) => Json[key] is { } node ? Number(key, node) : absent;

    /// <summary>True or false; absent or null gives the default.</summary>
    /// <param name="key">The key.</param>
    /// <param name="absent">The default.</param>
    public bool Flag(string key, bool absent = false) => Json[key] switch
    {
        null => absent,
        JsonValue value when value.GetValueKind() == JsonValueKind.True => true,
        JsonValue value when value.GetValueKind() == JsonValueKind.False => false,
        JsonNode other => throw Wrong(key, "true or false", other),
    };

    /// <summary>A string; null where absent.</summary>
    /// <param name="key">The key.</param>
    public string? Text(string key) => Json[key] switch
    {
        null => null,
        JsonValue value when value.GetValueKind() == JsonValueKind.String => value.GetValue<string>(),
        JsonNode other => throw Wrong(key, "a string", other),
    };

    /// <summary>A list of strings; null where absent.</summary>
    /// <param name="key">The key.</param>
    public IReadOnlyList<string>? Texts(string key) => Json[key] switch
    {
        null => null,
        JsonArray array => [.. array.Select(item => Item(key, item))],
        JsonNode other => throw Wrong(key, "a list of strings", other),
    };

    /// <summary>A list of integers; null where absent. One integer alone is a list of one.</summary>
    /// <param name="key">The key.</param>
    public IReadOnlyList<int>? Integers(string key) => Json[key] switch
    {
        null => null,
        JsonArray array => [.. array.Select(item => item is null ? throw Wrong(key, "a list of integers", array) : Integer(key, item, 0, int.MaxValue))],
        JsonNode other => [Integer(key, other, 0, int.MaxValue)],
    };

    /// <summary>An object's entries; empty where absent.</summary>
    /// <param name="key">The key.</param>
    public IEnumerable<KeyValuePair<string, JsonNode?>> Entries(string key) => Json[key] switch
    {
        null => [],
        JsonObject found => found,
        JsonNode other => throw Wrong(key, "an object", other),
    };

    /// <summary>An error that names the file.</summary>
    /// <param name="message">What is wrong.</param>
    public BadFileException Bad(string message) => new($"{Source}: {message}");

    /// <summary>A refusal that names the file and the option.</summary>
    /// <param name="message">What is not built.</param>
    public NotSupportedException Unsupported(string message) => new($"{Source}: {message}");

    internal int Integer(string key, JsonNode node, int least, int most)
    {
        // JSON has one kind of number: 4.0 is an integer, 4.5 and 1e30 are not.
        if (node is not JsonValue value || value.GetValueKind() != JsonValueKind.Number
            || !double.TryParse(value.ToJsonString(), out double number) || number != Math.Floor(number))
        {
            throw Wrong(key, "an integer", node);
        }
        if (number < least || number > most)
        {
            throw Bad($"{key} must be {(number < least ? $"{least} or more" : $"at most {most}")}, found {Shown(node)}.");
        }
        return (int)number;
    }

    // Arithmetic is float32: what is finite in float64 only would become infinite there.
    internal double Number(string key, JsonNode node) =>
        node is JsonValue value && value.GetValueKind() == JsonValueKind.Number && double.TryParse(value.ToJsonString(), out double number) && float.IsFinite((float)number)
            ? number
            : throw Wrong(key, "a number", node);

    internal BadFileException Wrong(string key, string expected, JsonNode found) => Bad($"{key} must be {expected}, found {Shown(found)}.");

    private string Item(string key, JsonNode? item) =>
        item is JsonValue value && value.GetValueKind() == JsonValueKind.String ? value.GetValue<string>() : throw Wrong(key, "a list of strings", Json[key]!);

    private static string Shown(JsonNode node)
    {
        string text = node.ToJsonString();
        return text.Length <= 80 ? text : string.Concat(text.AsSpan(0, 77), "...");
    }
}
