using System.Text.Json;
using Lorikeet.Models.Files;
using Lorikeet.Training;

namespace Lorikeet.Tasks;

/// <summary>Reads the members of a task's file, each error one line.</summary>
internal sealed class TaskFields(JsonElement root, string path)
{
    public void Refuse(string[] known)
    {
        foreach (JsonProperty member in root.EnumerateObject())
        {
            if (!known.Contains(member.Name))
            {
                throw new BadFileException($"{path} has the unknown member \"{(member.Name.Length > 60 ? member.Name[..60] : member.Name)}\"; a task has {string.Join(", ", known)}.");
            }
        }
    }

    public void Require(bool holds, string what)
    {
        if (!holds)
        {
            throw new BadFileException($"{path} lacks {what}; a task of this kind needs it.");
        }
    }

    public string? Text(string name) => Find(name) is { } value ? Single(value, name) : null;

    public string Need(string name) => Text(name) ?? throw new BadFileException($"{path} has no \"{name}\"; expected one.");

    public bool Flag(string name) => Find(name) is { } value && (value.ValueKind is JsonValueKind.True or JsonValueKind.False
        ? value.ValueKind == JsonValueKind.True
        : throw Wrong(name, value, "true or false"));

    public int Number(string name, int otherwise, int least, int most) => Find(name) is not { } value ? otherwise
        : value.ValueKind == JsonValueKind.Number && value.TryGetInt32(out int number) && number >= least && number <= most ? number
        : throw Wrong(name, value, $"a whole number from {least} to {most}");

    public IReadOnlyList<string>? Texts(string name) => Find(name) is not { } value ? null
        : value.ValueKind == JsonValueKind.Array ? [.. value.EnumerateArray().Select(item => Single(item, name))]
        : throw Wrong(name, value, "a list of texts");

    public IReadOnlyList<KeyValuePair<string, string>> Pairs(string name) => Find(name) is not { } value ? []
        : value.ValueKind == JsonValueKind.Object ? [.. value.EnumerateObject().Select(p => KeyValuePair.Create(p.Name, Single(p.Value, name)))]
        : throw Wrong(name, value, "an object of classes and their words");

    public RowTemplate? Template(string name) => Text(name) is { } text ? Template(name, text) : null;

    public RowTemplate Template(string name, string text)
    {
        try
        {
            return new RowTemplate(text, needsField: name is not ("choices" or "correct"));
        }
        catch (ArgumentException e)
        {
            throw new BadFileException($"{path}: {name}: {e.Message}", e);
        }
    }

    private JsonElement? Find(string name) => root.TryGetProperty(name, out JsonElement value) && value.ValueKind != JsonValueKind.Null ? value : null;

    private string Single(JsonElement value, string name) => value.ValueKind == JsonValueKind.String ? value.GetString()! : throw Wrong(name, value, "a text");

    private BadFileException Wrong(string name, JsonElement value, string expected) => new($"{path}: \"{name}\" is {SafeJson.Describe(value.ValueKind)}; expected {expected}.");
}
