using System.Text;
using System.Text.Json.Nodes;

namespace Lorikeet.Models.Gguf;

/// <summary>The merges of a SentencePiece vocabulary: each piece that is two others joined, by falling score.</summary>
/// <remarks>Order as in Transformers' conversion (generate_merges): score, then the longer left part, then the longer right part, then ids.</remarks>
internal static class ScoredMerges
{
    /// <summary>The merges as tokenizer.json lists them: pairs of pieces.</summary>
    /// <param name="vocabulary">The vocabulary, with scores.</param>
    public static JsonArray Make(GgufVocabulary vocabulary)
    {
        List<(float Score, int LeftLength, int RightLength, string Left, string Right)> merges = [];
        List<(int Left, int Right, int Cut, int Length)> own = [];
        for (int id = 0; id < vocabulary.Tokens.Length; id++)
        {
            string token = vocabulary.Tokens[id];
            // Control and byte tokens are never made of text.
            if (vocabulary.Types[id] is not (GgufTokenType.Normal or GgufTokenType.UserDefined))
            {
                continue;
            }
            own.Clear();
            int before = 0, length = token.EnumerateRunes().Count();
            for (int at = 0; at < token.Length;)
            {
                at += Rune.TryGetRuneAt(token, at, out Rune rune) ? rune.Utf16SequenceLength : 1;
                before++;
                if (at < token.Length && vocabulary.Ids.TryGetValue(token[..at], out int left) && vocabulary.Ids.TryGetValue(token[at..], out int right))
                {
                    own.Add((left, right, at, before));
                }
            }
            foreach ((_, _, int cut, int leftLength) in own.Order())
            {
                merges.Add((vocabulary.Scores![id], leftLength, length - leftLength, token[..cut], token[cut..]));
            }
        }
        // OrderBy is stable: equals stay in the order of ids.
        return [.. merges.OrderByDescending(m => m.Score).ThenByDescending(m => m.LeftLength).ThenByDescending(m => m.RightLength)
            .Select(m => (JsonNode)new JsonArray(m.Left, m.Right))];
    }
}
