using System.Text.Json;
using Lorikeet.Models.Files;

namespace Lorikeet.Models.Text;

/// <summary>One object of a tokenizer.json with its file and place, so that every message can name both.</summary>
internal readonly struct JsonPart(JsonElement element, string file, string place, int index = -1)
{
    /// <summary>The value itself.</summary>
    public JsonElement Element => element;

    /// <summary>Its <c>type</c>; empty where it has none.</summary>
    public string Kind => Text("type") ?? "";

    /// <summary>An exception that names the file and the place.</summary>
    public BadFileException Bad(string what) => new($"{file}: {Place} {what}");

    /// <summary>A refusal of something right that is not built; it names the file and the place.</summary>
    public NotSupportedException Unsupported(string what) => new(BadFileException.OneLine($"{file}: {Place} {what}"));

    /// <summary>Makes sure that this is an object.</summary>
    public JsonPart AsObject() => element.ValueKind == JsonValueKind.Object ? this : throw Bad($"is {SafeJson.Describe(element.ValueKind)}; expected an object.");

    /// <summary>A member that is there and not null.</summary>
    public bool TryGet(string name, out JsonPart part)
    {
        bool found = AsObject().Element.TryGetProperty(name, out JsonElement value) && value.ValueKind != JsonValueKind.Null;
        part = new JsonPart(value, file, $"{Place}.{name}");
        return found;
    }

    /// <summary>A member that must be there.</summary>
    public JsonPart Get(string name) => TryGet(name, out JsonPart part) ? part : throw Bad($"has no {name}.");

    /// <summary>A string member; null where it is absent or null.</summary>
    public string? Text(string name)
    {
        if (!TryGet(name, out JsonPart part))
        {
            return null;
        }
        return part.Element.ValueKind == JsonValueKind.String
            ? part.Element.GetString()
            : throw part.Bad($"is {SafeJson.Describe(part.Element.ValueKind)}; expected a string.");
    }

    /// <summary>A string member that must be there; it may be empty.</summary>
    public string String(string name) => Text(name) ?? throw Bad($"has no {name}.");

    /// <summary>A string member of one character.</summary>
    public string Character(string name)
    {
        string text = String(name);
        bool one = text.Length == 1 || (text.Length == 2 && char.IsSurrogatePair(text[0], text[1]));
        return one ? text : throw Bad($"has the {name} '{BadFileException.Short(text)}'; expected one character.");
    }

    /// <summary>A whole number.</summary>
    public int Integer(string name, int otherwise, int least, int most)
    {
        if (!TryGet(name, out JsonPart part))
        {
            return otherwise;
        }
        return part.Element.ValueKind == JsonValueKind.Number && part.Element.TryGetInt32(out int number) && number >= least && number <= most
            ? number
            : throw part.Bad($"is {BadFileException.Short(part.Element.GetRawText())}; expected a whole number from {least} to {most}.");
    }

    /// <summary>A true or false member.</summary>
    public bool Flag(string name, bool otherwise)
    {
        if (!TryGet(name, out JsonPart part))
        {
            return otherwise;
        }
        return part.Element.ValueKind is JsonValueKind.True or JsonValueKind.False
            ? part.Element.GetBoolean()
            : throw part.Bad($"is {SafeJson.Describe(part.Element.ValueKind)}; expected true or false.");
    }

    /// <summary>This value as a token id: a whole number from 0 to 2^24 - 1.</summary>
    public int AsId()
    {
        const int Ids = 1 << 24;
        return element.ValueKind == JsonValueKind.Number && element.TryGetInt32(out int id) && id is >= 0 and < Ids
            ? id
            : throw Bad($"is {BadFileException.Short(element.GetRawText())}; expected a token id from 0 to {Ids - 1}.");
    }

    /// <summary>The items of an array member that must be there.</summary>
    public IEnumerable<JsonPart> Items(string name)
    {
        JsonPart list = Get(name);
        if (list.Element.ValueKind != JsonValueKind.Array)
        {
            throw list.Bad($"is {SafeJson.Describe(list.Element.ValueKind)}; expected an array.");
        }
        int i = 0;
        string place = list.Place;
        foreach (JsonElement item in list.Element.EnumerateArray())
        {
            yield return new JsonPart(item, file, place, i++);
        }
    }

    // Written out only when it is asked for: files have hundreds of thousands of items.
    private string Place => index < 0 ? place : $"{place}[{index}]";
}
