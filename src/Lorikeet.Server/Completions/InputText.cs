using System.Text.Json;

namespace Lorikeet.Server;

/// <summary>One of the texts of <c>prompt</c> or <c>input</c>: a string, or token ids.</summary>
internal readonly record struct InputText(string? Text, int[]? Ids)
{
    /// <summary>Reads a string, strings, token ids, or arrays of token ids.</summary>
    public static List<InputText> Read(JsonElement value, string field, int most, int vocabulary)
    {
        if (value.ValueKind == JsonValueKind.String)
        {
            return [OfText(value.GetString()!, field)];
        }
        if (value.ValueKind != JsonValueKind.Array)
        {
            throw Fields.Wrong(field, value, "a string, an array of strings, token ids, or arrays of token ids");
        }
        int count = value.GetArrayLength();
        if (count == 0)
        {
            throw ApiException.Value(field, $"{field} is empty; expected at least one text or token");
        }
        if (value[0].ValueKind == JsonValueKind.Number)
        {
            return [new InputText(null, Fields.Integers(value, field, 0, vocabulary - 1))];
        }
        if (count > most)
        {
            throw ApiException.Limit(field, count, most, $"there are too many texts in {field}");
        }
        List<InputText> texts = new(count);
        foreach (JsonElement item in value.EnumerateArray())
        {
            string place = $"{field}[{texts.Count}]";
            texts.Add(item.ValueKind switch
            {
                JsonValueKind.String => OfText(item.GetString()!, place),
                JsonValueKind.Array when item.GetArrayLength() > 0 => new InputText(null, Fields.Integers(item, place, 0, vocabulary - 1)),
                JsonValueKind.Array => throw ApiException.Value(place, $"{place} is empty; expected at least one token"),
                _ => throw Fields.Wrong(place, item, "a string or an array of token ids"),
            });
        }
        return texts;
    }

    private static InputText OfText(string text, string place) =>
        text.Length > 0 ? new InputText(text, null) : throw ApiException.Value(place, $"{place} is an empty string; expected at least one character");
}
