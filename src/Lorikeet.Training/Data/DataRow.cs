using System.Text.Json;
using Lorikeet.Models.Files;

namespace Lorikeet.Training;

/// <summary>One row of a data file: named fields, whatever the file's format.</summary>
/// <param name="Where">File and line, for messages.</param>
/// <param name="Fields">An object; of a .csv or .tsv file all values are strings, of a plain text there is <c>text</c> alone.</param>
public sealed record DataRow(string Where, JsonElement Fields)
{
    /// <summary>Whether the row has a field that is not null.</summary>
    /// <param name="name">The field.</param>
    public bool Has(string name) => Fields.TryGetProperty(name, out JsonElement value) && value.ValueKind != JsonValueKind.Null;

    /// <summary>A field as it is.</summary>
    /// <param name="name">The field.</param>
    /// <exception cref="BadFileException">The row lacks it.</exception>
    public JsonElement Value(string name) => Fields.TryGetProperty(name, out JsonElement value) ? value : throw Missing(name);

    /// <summary>A field as text: a string, or a number or truth value as it is written.</summary>
    /// <param name="name">The field.</param>
    /// <exception cref="BadFileException">The row lacks it, or it is something else.</exception>
    public string Text(string name) => AsText(Value(name), name);

    /// <summary>A field that must be a string.</summary>
    /// <param name="name">The field.</param>
    /// <exception cref="BadFileException">The row lacks it, or it is something else.</exception>
    internal string String(string name) => Value(name) is { ValueKind: not JsonValueKind.String } other
        ? throw new BadFileException($"{Where}: the field \"{name}\" is {SafeJson.Describe(other.ValueKind)}; expected a string.")
        : Text(name);

    /// <summary>A field that is one text or a list of texts.</summary>
    /// <param name="name">The field.</param>
    /// <exception cref="BadFileException">The row lacks it, or it is something else.</exception>
    public IReadOnlyList<string> Texts(string name)
    {
        JsonElement value = Value(name);
        return value.ValueKind == JsonValueKind.Array ? [.. value.EnumerateArray().Select(item => AsText(item, name))] : [AsText(value, name)];
    }

    /// <summary>The names of the fields, for messages.</summary>
    internal string Found
    {
        get
        {
            string names = string.Join(", ", Fields.EnumerateObject().Take(8).Select(p => p.Name.Length > 60 ? p.Name[..60] : p.Name));
            return names.Length > 0 ? names : "nothing";
        }
    }

    private string AsText(JsonElement value, string name)
    {
        try
        {
            return value.ValueKind switch
            {
                JsonValueKind.String => value.GetString()!,
                JsonValueKind.Number => value.GetRawText(),
                JsonValueKind.True => "true",
                JsonValueKind.False => "false",
                _ => throw new BadFileException($"{Where}: the field \"{name}\" is {SafeJson.Describe(value.ValueKind)}; expected a string."),
            };
        }
        catch (InvalidOperationException e)
        {
            throw new BadFileException($"{Where}: the field \"{name}\" holds half a surrogate pair (an escape like \\ud800); expected whole characters.", e);
        }
    }

    private BadFileException Missing(string name) => new($"{Where} has no field \"{name}\" (found: {Found}).");
}
