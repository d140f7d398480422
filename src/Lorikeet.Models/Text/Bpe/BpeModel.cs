using System.Text;
using System.Text.Json;
using Lorikeet.Models.Files;

namespace Lorikeet.Models.Text.Bpe;

/// <summary>Byte pair encoding: a word starts as single characters; the pair of lowest rank is merged, the leftmost of equals, until none is left.</summary>
internal sealed class BpeModel : TokenModel
{
    private const char Meta = '▁';

    private readonly Vocabulary vocabulary;
    private readonly PairTable merges;
    private readonly BpeRules rules;
    private readonly int?[] byteIds = new int?[256];
    private readonly int[] characterIds = new int[0x10000];
    private readonly int? unknown;
    private readonly (int Left, int Right)[] ranked;

    /// <summary>Makes the model.</summary>
    /// <param name="vocabulary">The tokens.</param>
    /// <param name="pairs">Which pairs merge, by their ids, at what rank and into what.</param>
    /// <param name="rules">The other settings.</param>
    /// <param name="unknown">The token of characters that no token has; null: they are dropped.</param>
    public BpeModel(Vocabulary vocabulary, Dictionary<long, (int Rank, int Id)> pairs, BpeRules rules, int? unknown)
    {
        this.vocabulary = vocabulary;
        this.rules = rules;
        this.unknown = unknown;
        merges = new PairTable(pairs);
        ranked = [.. pairs.OrderBy(p => p.Value.Rank).ThenBy(p => p.Key).Select(p => ((int)(p.Key >> 32), (int)p.Key))];
        for (int b = 0; b < byteIds.Length; b++)
        {
            byteIds[b] = vocabulary.IdOf($"<0x{b:X2}>");
        }
        characterIds.AsSpan().Fill(-1);
        foreach ((string token, int id) in vocabulary.All)
        {
            if (token.Length == 1)
            {
                characterIds[token[0]] = id;
            }
        }
        CutBefore = FindCut();
    }

    public override int Size => vocabulary.Size;

    public override int Count => vocabulary.Count;

    public override char? CutBefore { get; }

    public static BpeModel Read(JsonPart part)
    {
        if (part.TryGet("dropout", out JsonPart dropout) && !(dropout.Element.ValueKind == JsonValueKind.Number && dropout.Element.GetDouble() == 0))
        {
            throw dropout.Unsupported($"is {BadFileException.Short(dropout.Element.GetRawText())}: encodings would be random, which is not supported; expected null.");
        }
        Vocabulary vocabulary = Vocabulary.Read(part.Get("vocab"));
        BpeRules rules = new(
            part.Flag("fuse_unk", false), part.Flag("byte_fallback", false), part.Flag("ignore_merges", false),
            part.Text("continuing_subword_prefix") ?? "", part.Text("end_of_word_suffix") ?? "");
        int? unknown = null;
        if (part.Text("unk_token") is { } token)
        {
            unknown = vocabulary.IdOf(token) ?? throw part.Bad($"has the unk_token '{BadFileException.Short(token)}', which is not in its vocab.");
        }
        return new BpeModel(vocabulary, ReadMerges(part, vocabulary, rules.Prefix), rules, unknown);
    }

    public override int? IdOf(string token) => vocabulary.IdOf(token);

    public override string? TokenOf(int id) => vocabulary.TokenOf(id);

    public List<(string Left, string Right)> ListMerges() => [.. ranked.Select(m => (vocabulary.TokenOf(m.Left)!, vocabulary.TokenOf(m.Right)!))];

    public override void Tokenize(ReadOnlySpan<char> word, WordTokens output)
    {
        if (rules.IgnoreMerges && vocabulary.TryGet(word, out int whole))
        {
            output.Add(whole, 0, word.Length);
            return;
        }
        MergeList list = output.Merges;
        list.Clear();
        if (AddSymbols(word, list, inBytes: false))
        {
            list.Merge(merges, output);
            return;
        }
        // The reference knows lengths, not places: where a character was dropped, every later token is shown that many bytes too early.
        int first = output.Count;
        list.Clear();
        AddSymbols(word, list, inBytes: true);
        list.Merge(merges, output);
        BytesToUnits(word, first, output);
    }

    // False where symbols do not cover the word one after the other.
    private bool AddSymbols(ReadOnlySpan<char> word, MergeList list, bool inBytes)
    {
        bool inOrder = true;
        int place = 0;
        (int Start, int End, int Bytes)? pending = null;
        Span<byte> bytes = stackalloc byte[4];
        for (int at = 0; at < word.Length;)
        {
            int units = char.IsHighSurrogate(word[at]) && at + 1 < word.Length ? 2 : 1;
            int end = at + units;
            if (TryCharacter(word, at, end, out int id))
            {
                AddPending();
                Add(id, at, end, inBytes ? Encoding.UTF8.GetByteCount(word[at..end]) : 0);
                at = end;
                continue;
            }
            int count = Encoding.UTF8.GetBytes(word[at..end], bytes);
            if (rules.ByteFallback && HasAll(bytes[..count]))
            {
                // As in the reference, unknown characters before them come behind them.
                inOrder &= pending is null;
                foreach (byte b in bytes[..count])
                {
                    Add(byteIds[b]!.Value, at, end, 1);
                }
            }
            else if (unknown is null)
            {
                inOrder = false;
            }
            else if (rules.FuseUnknown && pending is { } open)
            {
                pending = (open.Start, end, open.Bytes + count);
            }
            else
            {
                AddPending();
                pending = (at, end, count);
            }
            at = end;
        }
        AddPending();
        return inOrder;

        void AddPending()
        {
            if (pending is { } open)
            {
                Add(unknown!.Value, open.Start, open.End, open.Bytes);
                pending = null;
            }
        }

        void Add(int id, int start, int end, int length)
        {
            list.Add(id, inBytes ? place : start, inBytes ? place + length : end);
            place += length;
        }
    }

    private bool TryCharacter(ReadOnlySpan<char> word, int at, int end, out int id)
    {
        bool prefixed = at > 0 && rules.Prefix.Length > 0;
        bool suffixed = end == word.Length && rules.Suffix.Length > 0;
        if (prefixed || suffixed)
        {
            return vocabulary.TryGet($"{(prefixed ? rules.Prefix : "")}{word[at..end]}{(suffixed ? rules.Suffix : "")}", out id);
        }
        if (end - at == 1)
        {
            id = characterIds[word[at]];
            return id >= 0;
        }
        return vocabulary.TryGet(word[at..end], out id);
    }

    private bool HasAll(ReadOnlySpan<byte> bytes)
    {
        foreach (byte b in bytes)
        {
            if (byteIds[b] is null)
            {
                return false;
            }
        }
        return true;
    }

    private static void BytesToUnits(ReadOnlySpan<char> word, int first, WordTokens output)
    {
        int[] unitOfByte = new int[Encoding.UTF8.GetByteCount(word) + 1];
        int bytes = 0;
        for (int at = 0; at < word.Length;)
        {
            _ = Rune.DecodeFromUtf16(word[at..], out Rune rune, out int units);
            unitOfByte.AsSpan(bytes, rune.Utf8SequenceLength).Fill(at);
            bytes += rune.Utf8SequenceLength;
            at += units;
        }
        unitOfByte[bytes] = word.Length;
        foreach (ref (int Id, int Start, int End) token in output.From(first))
        {
            int last = unitOfByte[Math.Clamp(token.End - 1, 0, bytes)];
            bool wide = last + 1 < word.Length && char.IsHighSurrogate(word[last]);
            token = (token.Id, unitOfByte[Math.Min(token.Start, bytes)], Math.Min(last + (wide ? 2 : 1), word.Length));
        }
    }

    // SentencePiece's words begin with ▁. Where no merge puts one behind something else, a text may be cut before each.
    private char? FindCut()
    {
        if (rules.IgnoreMerges || rules.Prefix.Length + rules.Suffix.Length > 0 || characterIds[Meta] < 0)
        {
            return null;
        }
        foreach ((int left, int right) in ranked)
        {
            if (vocabulary.TokenOf(right)!.StartsWith(Meta) && !vocabulary.TokenOf(left)!.EndsWith(Meta))
            {
                return null;
            }
        }
        return Meta;
    }

    private static Dictionary<long, (int Rank, int Id)> ReadMerges(JsonPart part, Vocabulary vocabulary, string prefix)
    {
        Dictionary<long, (int Rank, int Id)> ranks = [];
        int rank = 0;
        foreach (JsonPart item in part.Items("merges"))
        {
            (string left, string right) = ReadMerge(item);
            string rest = right.StartsWith(prefix, StringComparison.Ordinal) ? right[prefix.Length..] : right;
            if (vocabulary.IdOf(left) is not { } leftId || vocabulary.IdOf(right) is not { } rightId || vocabulary.IdOf(left + rest) is not { } id)
            {
                throw item.Bad($"merges '{BadFileException.Short(left)}' and '{BadFileException.Short(right)}': they and the result must be in vocab.");
            }
            // Of a pair listed twice the last counts, as in the reference.
            ranks[PairTable.Key(leftId, rightId)] = (rank++, id);
        }
        return ranks;
    }

    private static (string Left, string Right) ReadMerge(JsonPart item)
    {
        JsonElement element = item.Element;
        if (element.ValueKind == JsonValueKind.String)
        {
            string[] parts = element.GetString()!.Split(' ');
            if (parts.Length == 2)
            {
                return (parts[0], parts[1]);
            }
        }
        else if (element.ValueKind == JsonValueKind.Array && element.GetArrayLength() == 2
            && element[0].ValueKind == JsonValueKind.String && element[1].ValueKind == JsonValueKind.String)
        {
            return (element[0].GetString()!, element[1].GetString()!);
        }
        throw item.Bad($"is {BadFileException.Short(element.GetRawText())}; expected two tokens, \"a b\" or [\"a\", \"b\"].");
    }
}
