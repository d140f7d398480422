using System.Text;
using System.Text.Json;

namespace Lorikeet.Server.Tests.Batches;

/// <summary>All that an answer says, choice by choice: text, token ids, log-probabilities as their digits, why it ended; the same for a stream and a whole answer.</summary>
internal sealed class AnswerBits
{
    private readonly SortedDictionary<int, Choice> choices = [];

    /// <summary>Of a whole answer.</summary>
    public static string Of(JsonElement answer)
    {
        AnswerBits bits = new();
        bits.Add(answer.GetProperty("choices"));
        return bits.ToString();
    }

    /// <summary>Of a stream's events.</summary>
    public static string Of(IEnumerable<JsonElement> events)
    {
        AnswerBits bits = new();
        foreach (JsonElement next in events)
        {
            Assert.True(next.TryGetProperty("choices", out JsonElement choices), next.GetRawText());
            bits.Add(choices);
        }
        return bits.ToString();
    }

    public override string ToString()
    {
        StringBuilder text = new();
        foreach ((int index, Choice choice) in choices)
        {
            text.Append(index).Append('|').Append(choice.Text).Append('|').AppendJoin(' ', choice.Ids).Append('|').AppendJoin(' ', choice.Scores).Append('|').Append(choice.Reason).Append('\n');
        }
        return text.ToString();
    }

    private void Add(JsonElement list)
    {
        foreach (JsonElement item in list.EnumerateArray())
        {
            int index = item.GetProperty("index").GetInt32();
            if (!choices.TryGetValue(index, out Choice? choice))
            {
                choices[index] = choice = new Choice();
            }
            JsonElement message = item.TryGetProperty("message", out JsonElement whole) || item.TryGetProperty("delta", out whole) ? whole : item;
            foreach (string name in (string[])["text", "content"])
            {
                if (message.TryGetProperty(name, out JsonElement text) && text.ValueKind == JsonValueKind.String)
                {
                    choice.Text.Append(text.GetString());
                }
            }
            Append(choice.Ids, item, "token_ids");
            if (item.TryGetProperty("logprobs", out JsonElement scores) && scores.ValueKind == JsonValueKind.Object)
            {
                foreach (string name in (string[])["content", "token_logprobs", "top_logprobs", "text_offset"])
                {
                    Append(choice.Of(name), scores, name);
                }
            }
            if (item.GetProperty("finish_reason") is { ValueKind: JsonValueKind.String } reason)
            {
                choice.Reason = reason.GetString();
            }
        }
    }

    private static void Append(List<string> to, JsonElement from, string name)
    {
        if (from.TryGetProperty(name, out JsonElement array) && array.ValueKind == JsonValueKind.Array)
        {
            to.AddRange(array.EnumerateArray().Select(e => e.GetRawText()));
        }
    }

    private sealed class Choice
    {
        private readonly SortedDictionary<string, List<string>> lists = [];

        public StringBuilder Text { get; } = new();

        public List<string> Ids { get; } = [];

        public IEnumerable<string> Scores => lists.SelectMany(l => l.Value.Prepend(l.Key));

        public string? Reason { get; set; }

        public List<string> Of(string name)
        {
            if (!lists.TryGetValue(name, out List<string>? list))
            {
                lists[name] = list = [];
            }
            return list;
        }
    }
}
