using System.Text.Json;
using Lorikeet.Models.Files;

namespace Lorikeet.Server;

/// <summary>The members of a JSON object of a request. Null is the same as absent; a wrong type or value is a 400 that names the member.</summary>
internal readonly struct Fields(JsonElement element, string path = "")
{
    public JsonElement Element => element;

    /// <summary>Where the object stands, as <c>param</c> of errors: <c>messages[0]</c>; empty for the body itself.</summary>
    public string Path => path;

    /// <summary>A member's place.</summary>
    public string Place(string name) => path.Length == 0 ? name : $"{path}.{name}";

    /// <summary>Reads a value as an object.</summary>
    public static Fields Of(JsonElement element, string path) =>
        element.ValueKind == JsonValueKind.Object ? new Fields(element, path) : throw Wrong(path, element, "an object");

    public bool Has(string name) => TryGet(name, out _);

    /// <summary>Finds a member that is there and not null.</summary>
    public bool TryGet(string name, out JsonElement value) =>
        element.TryGetProperty(name, out value) && value.ValueKind != JsonValueKind.Null;

    public string? Text(string name, int mostCharacters = int.MaxValue)
    {
        if (!TryGet(name, out JsonElement value))
        {
            return null;
        }
        string text = value.ValueKind == JsonValueKind.String ? value.GetString()! : throw Wrong(Place(name), value, "a string");
        return text.Length <= mostCharacters ? text : throw ApiException.Limit(Place(name), text.Length, mostCharacters, $"{name} is too long (characters)");
    }

    public string RequiredText(string name) => Text(name) ?? throw Absent(name, "a string");

    public bool? Flag(string name) =>
        !TryGet(name, out JsonElement value) ? null
        : value.ValueKind is JsonValueKind.True or JsonValueKind.False ? value.GetBoolean()
        : throw Wrong(Place(name), value, "true or false");

    public long? Integer(string name, long least, long most)
    {
        if (!TryGet(name, out JsonElement value))
        {
            return null;
        }
        if (value.ValueKind != JsonValueKind.Number)
        {
            throw Wrong(Place(name), value, "an integer");
        }
        if (!value.TryGetInt64(out long number))
        {
            double real = value.GetDouble();
            if (real != Math.Floor(real) || Math.Abs(real) > 1L << 53)
            {
                throw double.IsFinite(real) && Math.Abs(real) > 1L << 53
                    ? ApiException.Value(Place(name), $"{name} is {Short(value)}; expected {Range(least, most)}")
                    : ApiException.Kind(Place(name), $"{name} is {Short(value)}; expected an integer");
            }
            number = (long)real;
        }
        return number >= least && number <= most
            ? number
            : throw ApiException.Value(Place(name), $"{name} is {number}; expected {Range(least, most)}");
    }

    public double? Number(string name, double least, double most)
    {
        if (!TryGet(name, out JsonElement value))
        {
            return null;
        }
        double number = value.ValueKind == JsonValueKind.Number ? value.GetDouble() : throw Wrong(Place(name), value, "a number");
        return number >= least && number <= most
            ? number
            : throw ApiException.Value(Place(name), $"{name} is {Short(value)}; expected a number from {Show(least)} to {Show(most)}");
    }

    public Fields? Object(string name) => TryGet(name, out JsonElement value) ? Of(value, Place(name)) : null;

    /// <summary>An array's items, or null.</summary>
    public JsonElement? Array(string name) =>
        !TryGet(name, out JsonElement value) ? null : value.ValueKind == JsonValueKind.Array ? value : throw Wrong(Place(name), value, "an array");

    /// <summary>A string, or an array of strings; empty where it is absent.</summary>
    public IReadOnlyList<string> Strings(string name, bool single = true)
    {
        if (!TryGet(name, out JsonElement value))
        {
            return [];
        }
        if (single && value.ValueKind == JsonValueKind.String)
        {
            return [value.GetString()!];
        }
        if (value.ValueKind != JsonValueKind.Array)
        {
            throw Wrong(Place(name), value, single ? "a string or an array of strings" : "an array of strings");
        }
        List<string> texts = new(value.GetArrayLength());
        foreach (JsonElement item in value.EnumerateArray())
        {
            texts.Add(item.ValueKind == JsonValueKind.String ? item.GetString()! : throw Wrong($"{Place(name)}[{texts.Count}]", item, "a string"));
        }
        return texts;
    }

    /// <summary>An array of integers within bounds; empty where it is absent.</summary>
    public IReadOnlyList<int> Integers(string name, int least, int most) =>
        Array(name) is { } array ? Integers(array, Place(name), least, most) : [];

    /// <summary>Reads an array of integers.</summary>
    public static int[] Integers(JsonElement array, string place, int least, int most)
    {
        int[] numbers = new int[array.GetArrayLength()];
        int at = 0;
        foreach (JsonElement item in array.EnumerateArray())
        {
            if (item.ValueKind != JsonValueKind.Number)
            {
                throw Wrong($"{place}[{at}]", item, "an integer");
            }
            if (!item.TryGetInt32(out int number) || number < least || number > most)
            {
                throw ApiException.Value($"{place}[{at}]", $"{place}[{at}] is {Short(item)}; expected {Range(least, most)}");
            }
            numbers[at++] = number;
        }
        return numbers;
    }

    /// <summary>Refuses members that are there and not null.</summary>
    public void Refuse(string why, params ReadOnlySpan<string> names)
    {
        foreach (string name in names)
        {
            if (Has(name))
            {
                throw ApiException.Unsupported(Place(name), $"{name} is not offered: {why}");
            }
        }
    }

    public ApiException Absent(string name, string expected) => ApiException.Missing(Place(name), $"{Place(name)} is missing; expected {expected}");

    public static ApiException Wrong(string place, JsonElement found, string expected) =>
        ApiException.Kind(place, $"{place} is {SafeJson.Describe(found.ValueKind)}; expected {expected}");

    private static string Short(JsonElement value)
    {
        string text = value.GetRawText();
        return text.Length <= 40 ? text : text[..40] + "...";
    }

    private static string Range(long least, long most) =>
        most >= int.MaxValue ? $"an integer of {least} or more" : $"an integer from {least} to {most}";

    private static string Show(double number) => number.ToString("R", System.Globalization.CultureInfo.InvariantCulture);
}
