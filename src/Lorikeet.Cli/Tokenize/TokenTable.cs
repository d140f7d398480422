using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using Lorikeet.Models.Text;

namespace Lorikeet.Cli.Tokenize;

/// <summary>An encoded text for reading: a table, or JSON.</summary>
internal static class TokenTable
{
    private static readonly JsonSerializerOptions Readable = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>One line a token: its id, the token, its range in code points, the text there.</summary>
    public static string Text(EncodedText encoded, string text, string? pair)
    {
        string[] tokens = [.. encoded.Tokens.Select(Shown)];
        int width = Math.Clamp(tokens.Select(t => t.Length).DefaultIfEmpty(0).Max(), 5, 28);
        int[][] starts = [Starts(text), Starts(pair ?? "")];
        string[] texts = [text, pair ?? ""];
        StringBuilder table = new();
        table.AppendLine($"{"id",7}  {"token".PadRight(width)}  {"range",11}  text");
        for (int i = 0; i < tokens.Length; i++)
        {
            (int start, int end) = encoded.Offsets[i];
            string line = encoded.SequenceIds[i] is { } sequence
                ? $"{encoded.Ids[i],7}  {tokens[i].PadRight(width)}  {$"{start}-{end}",11}  {(pair is null ? "" : $"{sequence + 1}: ")}{Shown(Part(texts[sequence], starts[sequence], start, end))}"
                : $"{encoded.Ids[i],7}  {tokens[i].PadRight(width)}";
            table.AppendLine(line.TrimEnd());
        }
        return table.AppendLine($"{tokens.Length} tokens").ToString();
    }

    /// <summary>One object with a list for everything that is known.</summary>
    public static string Json(EncodedText encoded)
    {
        JsonObject all = new()
        {
            ["ids"] = List(encoded.Ids, i => i),
            ["tokens"] = List(encoded.Tokens, t => t),
            ["offsets"] = new JsonArray([.. encoded.Offsets.Select(o => (JsonNode)new JsonArray(o.Start, o.End))]),
            ["type_ids"] = List(encoded.TypeIds, i => i),
            ["sequence_ids"] = List(encoded.SequenceIds, i => i),
            ["special_tokens_mask"] = List(encoded.SpecialTokensMask, i => i),
            ["attention_mask"] = List(encoded.AttentionMask, i => i),
        };
        return all.ToJsonString(Readable) + Environment.NewLine;
    }

    /// <summary>One object with the text.</summary>
    public static string DecodedJson(string text) => new JsonObject { ["text"] = text }.ToJsonString(Readable);

    private static JsonArray List<T>(IEnumerable<T> values, Func<T, JsonNode?> node) => new([.. values.Select(node)]);

    // As it is, but for what would break the table.
    private static string Shown(string text)
    {
        StringBuilder shown = new();
        foreach (char c in text)
        {
            shown.Append(c switch
            {
                '\n' => "\\n",
                '\r' => "\\r",
                '\t' => "\\t",
                _ when char.IsControl(c) || c is '\u2028' or '\u2029' => $"\\u{(int)c:X4}",
                _ => c.ToString(),
            });
        }
        return shown.ToString();
    }

    private static string Part(string text, int[] starts, int start, int end) =>
        start >= 0 && end < starts.Length && start <= end ? text[starts[start]..starts[end]] : "";

    // Where each code point begins, and the end.
    private static int[] Starts(string text)
    {
        List<int> starts = [];
        for (int i = 0; i < text.Length; i++)
        {
            if (i == 0 || !char.IsSurrogatePair(text[i - 1], text[i]))
            {
                starts.Add(i);
            }
        }
        starts.Add(text.Length);
        return [.. starts];
    }
}
