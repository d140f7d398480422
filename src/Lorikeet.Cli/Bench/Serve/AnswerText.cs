using System.Text;
using System.Text.Json;

namespace Lorikeet.Cli.Bench;

/// <summary>All that an answer says, put together from its events: text, token ids, log-probabilities with the server's own digits, why it ended.</summary>
internal sealed class AnswerText
{
    private static readonly string[] Lists = ["token_ids", "tokens", "token_logprobs", "top_logprobs", "text_offset", "content"];
    private readonly StringBuilder text = new();
    private readonly List<string>[] items = [.. Lists.Select(_ => new List<string>())];
    private string? reason;

    /// <summary>Adds what an event says of the first choice.</summary>
    public void Add(JsonElement choice)
    {
        JsonElement said = choice.TryGetProperty("delta", out JsonElement delta) && delta.ValueKind == JsonValueKind.Object ? delta : choice;
        foreach (string name in (string[])["text", "content"])
        {
            if (said.TryGetProperty(name, out JsonElement piece) && piece.ValueKind == JsonValueKind.String)
            {
                text.Append(piece.GetString());
            }
        }
        bool scored = choice.TryGetProperty("logprobs", out JsonElement scores) && scores.ValueKind == JsonValueKind.Object;
        for (int i = 0; i < Lists.Length; i++)
        {
            // Token ids stand beside the scores, the rest in them.
            JsonElement from = i == 0 ? choice : scores;
            if ((i == 0 || scored) && from.TryGetProperty(Lists[i], out JsonElement list) && list.ValueKind == JsonValueKind.Array)
            {
                items[i].AddRange(list.EnumerateArray().Select(e => e.GetRawText()));
            }
        }
        reason = choice.TryGetProperty("finish_reason", out JsonElement end) && end.ValueKind == JsonValueKind.String ? end.GetString() : reason;
    }

    /// <summary>One line of JSON: equal answers to equal requests are equal lines.</summary>
    /// <param name="request">The request.</param>
    /// <param name="model">The name it went to.</param>
    /// <param name="error">What it failed with; null: it was answered.</param>
    public string Line(PlannedRequest request, string model, string? error)
    {
        using MemoryStream line = new();
        using (Utf8JsonWriter json = new(line))
        {
            json.WriteStartObject();
            json.WriteNumber("request", request.Number);
            json.WriteString("model", model);
            if (error is not null)
            {
                json.WriteString("error", error);
            }
            json.WriteString("text", text.ToString());
            for (int i = 0; i < Lists.Length; i++)
            {
                if (items[i].Count > 0)
                {
                    json.WritePropertyName(Lists[i]);
                    json.WriteRawValue($"[{string.Join(',', items[i])}]");
                }
            }
            json.WriteString("finish_reason", reason);
            json.WriteEndObject();
        }
        return Encoding.UTF8.GetString(line.ToArray());
    }
}
