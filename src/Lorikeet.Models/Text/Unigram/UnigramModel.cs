using System.Text;
using System.Text.Json;
using Lorikeet.Models.Files;

namespace Lorikeet.Models.Text.Unigram;

/// <summary>Unigram: of all ways to cut a word into tokens the one with the highest sum of scores.</summary>
/// <remarks>
/// Kudo: Subword Regularization, 2018 (arXiv 1804.10959), by Viterbi's algorithm. Starts ascend, a later path must be strictly better; a character that
/// is no token by itself may be unknown, at the smallest score minus 10; neighbouring unknowns are one. Scores add in double precision, as in the reference.
/// </remarks>
internal sealed class UnigramModel : TokenModel
{
    private const double UnknownPenalty = 10;

    private readonly Vocabulary vocabulary;
    private readonly double[] scores;
    private readonly TokenTrie trie;
    private readonly int? unknown;
    private readonly int?[]? byteIds;
    private readonly double unknownScore;

    /// <summary>Makes the model.</summary>
    /// <param name="tokens">The tokens; the id is the place.</param>
    /// <param name="scores">Their scores: logarithms of probabilities.</param>
    /// <param name="unknown">The token of characters that no token has; null: there are none.</param>
    /// <param name="byteFallback">Whether unknown text becomes the tokens of its bytes, <c>&lt;0x00&gt;</c> to <c>&lt;0xFF&gt;</c>.</param>
    public UnigramModel(IReadOnlyList<string> tokens, double[] scores, int? unknown, bool byteFallback)
    {
        vocabulary = Vocabulary.Of(tokens);
        this.scores = scores;
        this.unknown = unknown;
        trie = new TokenTrie(vocabulary.All);
        unknownScore = (scores.Length == 0 ? 0 : scores.Min()) - UnknownPenalty;
        byteIds = byteFallback ? [.. Enumerable.Range(0, 256).Select(b => vocabulary.IdOf($"<0x{b:X2}>"))] : null;
    }

    public override int Size => vocabulary.Size;

    public override int Count => vocabulary.Size;

    public static UnigramModel Read(JsonPart part)
    {
        List<string> tokens = [];
        List<double> scores = [];
        foreach (JsonPart item in part.Items("vocab"))
        {
            JsonElement pair = item.Element;
            if (pair.ValueKind != JsonValueKind.Array || pair.GetArrayLength() != 2 || pair[0].ValueKind != JsonValueKind.String
                || pair[1].ValueKind != JsonValueKind.Number || !pair[1].TryGetDouble(out double score) || !double.IsFinite(score))
            {
                throw item.Bad($"is {BadFileException.Short(pair.GetRawText())}; expected a token and its score, [\"a\", -1.5].");
            }
            tokens.Add(pair[0].GetString()!);
            scores.Add(score);
        }
        int? unknown = part.TryGet("unk_id", out JsonPart id) ? id.AsId() : null;
        return unknown is { } u && u >= tokens.Count
            ? throw id.Bad($"is {u}; expected the id of one of the {tokens.Count} tokens.")
            : new UnigramModel(tokens, [.. scores], unknown, part.Flag("byte_fallback", false));
    }

    public override int? IdOf(string token) => vocabulary.IdOf(token);

    public override string? TokenOf(int id) => vocabulary.TokenOf(id);

    public override string Shown(int id, ReadOnlySpan<char> piece) => id == unknown ? piece.ToString() : TokenOf(id) ?? "";

    public override void Tokenize(ReadOnlySpan<char> word, WordTokens output)
    {
        Span<PathTable.Place> places = output.Paths.Reset(word.Length);
        FindPaths(word, places);
        int first = output.Count;
        // Back from the end; neighbouring unknowns are one token.
        for (int end = word.Length; end > 0;)
        {
            int start = places[end].From;
            int id = places[end].Id;
            int last = end;
            while (id == unknown && start > 0 && places[start].Id == unknown)
            {
                start = places[start].From;
            }
            Emit(word, start, last, id, output);
            end = start;
        }
        output.Reverse(first);
    }

    private void FindPaths(ReadOnlySpan<char> word, Span<PathTable.Place> places)
    {
        for (int start = 0; start < word.Length;)
        {
            double before = places[start].Score;
            int units = char.IsHighSurrogate(word[start]) && start + 1 < word.Length ? 2 : 1;
            bool single = false;
            int node = TokenTrie.Root;
            int end = start;
            while (end < word.Length && trie.TryStep(ref node, word[end], out int id))
            {
                end++;
                if (id >= 0)
                {
                    Offer(ref places[end], before + scores[id], start, id);
                    single |= end - start == units;
                }
            }
            if (!single)
            {
                Offer(ref places[start + units], before + unknownScore, start, unknown
                    ?? throw new BadFileException("the tokenizer has no unk_id, and this text has a character that no token has."));
            }
            start += units;
        }
    }

    private static void Offer(ref PathTable.Place place, double score, int from, int id)
    {
        if (place.From < 0 || score > place.Score)
        {
            place = new PathTable.Place { Score = score, From = from, Id = id };
        }
    }

    // In reverse, as the caller goes from the end.
    private void Emit(ReadOnlySpan<char> word, int start, int end, int id, WordTokens output)
    {
        ReadOnlySpan<char> piece = word[start..end];
        if (vocabulary.TryGet(piece, out int known))
        {
            output.Add(known, start, end);
            return;
        }
        if (byteIds is not null)
        {
            byte[] bytes = Encoding.UTF8.GetBytes(piece.ToString());
            if (Array.TrueForAll(bytes, b => byteIds[b] is not null))
            {
                for (int i = bytes.Length - 1; i >= 0; i--)
                {
                    output.Add(byteIds[bytes[i]]!.Value, start, end);
                }
                return;
            }
        }
        output.Add(id, start, end);
    }
}
