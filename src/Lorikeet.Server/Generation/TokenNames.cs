using System.Globalization;
using System.Text;
using System.Text.Json;
using Lorikeet.Models.Text;
using Lorikeet.Serving;

namespace Lorikeet.Server;

/// <summary>Tokens as log-probabilities show them: text, bytes, scores.</summary>
internal sealed class TokenNames(Tokenizer tokenizer, ConstraintCompiler compiler)
{
    private const float Least = -9999f;

    /// <summary>A token's text; as <c>token_id:N</c> where the request asks for ids.</summary>
    public string Text(int token, bool asIds) =>
        asIds ? string.Create(CultureInfo.InvariantCulture, $"token_id:{token}")
        : Bytes(token) is { } bytes ? Encoding.UTF8.GetString(bytes)
        : TokenBytes.Text(tokenizer, token) ?? "";

    /// <summary>Writes <c>{"content": [...], "refusal": null}</c>.</summary>
    public void WriteChat(Utf8JsonWriter json, IReadOnlyList<ScoredToken> tokens, int top, bool asIds)
    {
        json.WriteStartObject();
        json.WritePropertyName("content");
        WriteList(json, tokens, top, asIds);
        json.WriteNull("refusal");
        json.WriteEndObject();
    }

    /// <summary>Writes an array with an entry for each token.</summary>
    public void WriteList(Utf8JsonWriter json, IReadOnlyList<ScoredToken> tokens, int top, bool asIds)
    {
        json.WriteStartArray();
        foreach (ScoredToken token in tokens)
        {
            json.WriteStartObject();
            WriteOne(json, token.Token, token.LogProbability, asIds);
            json.WriteStartArray("top_logprobs");
            foreach (TokenScore other in token.Top.Take(top))
            {
                json.WriteStartObject();
                WriteOne(json, other.Token, other.LogProbability, asIds);
                json.WriteEndObject();
            }
            json.WriteEndArray();
            json.WriteEndObject();
        }
        json.WriteEndArray();
    }

    /// <summary>Writes parallel arrays, as completions have them.</summary>
    /// <param name="json">Where to.</param>
    /// <param name="tokens">The tokens; one without a number (the first of an echoed prompt) has NaN.</param>
    /// <param name="top">How many likeliest.</param>
    /// <param name="asIds">Whether tokens are shown as ids.</param>
    /// <param name="offset">Characters of the text before the first token.</param>
    public void WriteCompletion(Utf8JsonWriter json, IReadOnlyList<ScoredToken> tokens, int top, bool asIds, ref int offset)
    {
        json.WriteStartObject();
        json.WriteStartArray("text_offset");
        foreach (ScoredToken token in tokens)
        {
            json.WriteNumberValue(offset);
            offset += Text(token.Token, asIds: false).EnumerateRunes().Count();
        }
        json.WriteEndArray();
        json.WriteStartArray("token_logprobs");
        foreach (ScoredToken token in tokens)
        {
            WriteScore(json, token.LogProbability);
        }
        json.WriteEndArray();
        json.WriteStartArray("tokens");
        foreach (ScoredToken token in tokens)
        {
            json.WriteStringValue(Text(token.Token, asIds));
        }
        json.WriteEndArray();
        json.WriteStartArray("top_logprobs");
        foreach (ScoredToken token in tokens)
        {
            if (float.IsNaN(token.LogProbability))
            {
                json.WriteNullValue();
                continue;
            }
            // Texts of different tokens may be equal: the likelier keeps its place.
            HashSet<string> names = [];
            json.WriteStartObject();
            foreach (TokenScore other in token.Top.Take(top).Append(new TokenScore(token.Token, token.LogProbability, 0)))
            {
                string name = Text(other.Token, asIds);
                if (names.Add(name))
                {
                    json.WritePropertyName(name);
                    WriteScore(json, other.LogProbability);
                }
            }
            json.WriteEndObject();
        }
        json.WriteEndArray();
        json.WriteEndObject();
    }

    /// <summary>Writes vLLM's <c>prompt_logprobs</c>: null for the first token, then maps from token id.</summary>
    public void WritePrompt(Utf8JsonWriter json, PromptScores scores)
    {
        json.WriteStartArray();
        json.WriteNullValue();
        for (int i = 0; i < scores.Tokens.Count; i++)
        {
            HashSet<int> seen = [];
            json.WriteStartObject();
            foreach (TokenScore score in scores.Top[i].Prepend(scores.Tokens[i]))
            {
                if (seen.Add(score.Token))
                {
                    json.WriteStartObject(score.Token.ToString(CultureInfo.InvariantCulture));
                    json.WritePropertyName("logprob");
                    WriteScore(json, score.LogProbability);
                    json.WriteNumber("rank", score.Rank);
                    json.WriteString("decoded_token", Text(score.Token, asIds: false));
                    json.WriteEndObject();
                }
            }
            json.WriteEndObject();
        }
        json.WriteEndArray();
    }

    /// <summary>An echoed prompt's tokens with their scores; the first has none.</summary>
    public static List<ScoredToken> Echoed(int[] prompt, PromptScores? scores)
    {
        List<ScoredToken> tokens = [new(prompt[0], float.NaN, [])];
        for (int i = 1; i < prompt.Length; i++)
        {
            tokens.Add(scores is null ? new(prompt[i], float.NaN, []) : new(prompt[i], scores.Tokens[i - 1].LogProbability, scores.Top[i - 1]));
        }
        return tokens;
    }

    private byte[]? Bytes(int token) => token < compiler.Tokens.Count ? compiler.Tokens[token] : null;

    private void WriteOne(Utf8JsonWriter json, int token, float score, bool asIds)
    {
        json.WriteString("token", Text(token, asIds));
        json.WritePropertyName("logprob");
        WriteScore(json, score);
        json.WriteStartArray("bytes");
        foreach (byte value in Bytes(token) ?? Encoding.UTF8.GetBytes(Text(token, asIds: false)))
        {
            json.WriteNumberValue(value);
        }
        json.WriteEndArray();
    }

    private static void WriteScore(Utf8JsonWriter json, float score)
    {
        if (float.IsNaN(score))
        {
            json.WriteNullValue();
        }
        else
        {
            json.WriteNumberValue(Math.Max(score, Least));
        }
    }
}
