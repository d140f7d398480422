using System.Collections.Concurrent;
using System.Text;
using System.Text.Json;
using Lorikeet.Models.Files;

namespace Lorikeet.Models.Text.Bpe;

/// <summary>Byte pair encoding: a word starts as single characters; the pair of lowest rank is merged, the leftmost of equals, until none is left.</summary>
internal sealed class BpeModel : TokenModel
{
    // Words of natural text repeat; long ones do not, and hostile text must not fill the memory.
    private const int MostCachedWords = 1 << 15;
    private const int LongestCachedWord = 64;

    private readonly Dictionary<string, int> vocabulary;
    private readonly Dictionary<string, int>.AlternateLookup<ReadOnlySpan<char>> vocabularyBySpan;
    private readonly string?[] tokens;
    private readonly Dictionary<long, (int Rank, int Id)> merges;
    private readonly int?[] byteIds = new int?[256];
    private readonly int? unknown;
    private readonly bool fuseUnknown;
    private readonly bool byteFallback;
    private readonly bool ignoreMerges;
    private readonly ConcurrentDictionary<string, (int Id, int Start, int End)[]> cache = new();
    private readonly ConcurrentDictionary<string, (int Id, int Start, int End)[]>.AlternateLookup<ReadOnlySpan<char>> cacheBySpan;
    private int cachedWords;

    private BpeModel(JsonPart part)
    {
        vocabulary = ReadVocabulary(part.Get("vocab"), out tokens);
        vocabularyBySpan = vocabulary.GetAlternateLookup<ReadOnlySpan<char>>();
        merges = ReadMerges(part);
        fuseUnknown = part.Flag("fuse_unk", false);
        byteFallback = part.Flag("byte_fallback", false);
        ignoreMerges = part.Flag("ignore_merges", false);
        cacheBySpan = cache.GetAlternateLookup<ReadOnlySpan<char>>();
        if (part.Text("unk_token") is { } token)
        {
            unknown = vocabulary.TryGetValue(token, out int id) ? id : throw part.Bad($"has the unk_token '{BadFileException.Short(token)}', which is not in its vocab.");
        }
        for (int b = 0; b < byteIds.Length; b++)
        {
            byteIds[b] = vocabulary.TryGetValue($"<0x{b:X2}>", out int id) ? id : null;
        }
    }

    public override int Size => tokens.Length;

    public static BpeModel Read(JsonPart part)
    {
        foreach (string name in (string[])["continuing_subword_prefix", "end_of_word_suffix"])
        {
            if (part.Text(name) is { Length: > 0 } text)
            {
                throw part.Unsupported($"has {name} '{BadFileException.Short(text)}', which is not supported; expected none.");
            }
        }
        if (part.TryGet("dropout", out JsonPart dropout) && !(dropout.Element.ValueKind == JsonValueKind.Number && dropout.Element.GetDouble() == 0))
        {
            throw dropout.Unsupported($"is {BadFileException.Short(dropout.Element.GetRawText())}: encodings would be random, which is not supported; expected null.");
        }
        return new BpeModel(part);
    }

    public override int? IdOf(string token) => vocabulary.TryGetValue(token, out int id) ? id : null;

    public override string? TokenOf(int id) => (uint)id < (uint)tokens.Length ? tokens[id] : null;

    public List<(string Left, string Right)> ListMerges() =>
        [.. merges.OrderBy(m => m.Value.Rank).Select(m => (tokens[(int)(m.Key >> 32)]!, tokens[(int)m.Key]!))];

    public override void Tokenize(ReadOnlySpan<char> word, List<(int Id, int Start, int End)> output)
    {
        if (ignoreMerges && vocabularyBySpan.TryGetValue(word, out int whole))
        {
            output.Add((whole, 0, word.Length));
            return;
        }
        if (word.Length > LongestCachedWord)
        {
            Merge(word, output);
            return;
        }
        if (cacheBySpan.TryGetValue(word, out (int Id, int Start, int End)[]? known))
        {
            output.AddRange(known);
            return;
        }
        int before = output.Count;
        Merge(word, output);
        if (cachedWords < MostCachedWords && cacheBySpan.TryAdd(word, [.. output.Skip(before)]))
        {
            Interlocked.Increment(ref cachedWords);
        }
    }

    private void Merge(ReadOnlySpan<char> word, List<(int Id, int Start, int End)> output)
    {
        MergeList list = new(word.Length);
        AddSymbols(word, list);
        list.MergeAll(merges);
        list.CopyTo(output);
    }

    private void AddSymbols(ReadOnlySpan<char> word, MergeList list)
    {
        bool lastUnknown = false;
        Span<byte> bytes = stackalloc byte[4];
        for (int at = 0; at < word.Length;)
        {
            int units = char.IsHighSurrogate(word[at]) && at + 1 < word.Length ? 2 : 1;
            int end = at + units;
            if (vocabularyBySpan.TryGetValue(word[at..end], out int id))
            {
                list.Add(id, at, end);
                lastUnknown = false;
            }
            else if (byteFallback && TryBytes(word[at..end], bytes, out int count))
            {
                for (int b = 0; b < count; b++)
                {
                    list.Add(byteIds[bytes[b]]!.Value, at, end);
                }
                lastUnknown = false;
            }
            else if (unknown is { } unknownId)
            {
                if (fuseUnknown && lastUnknown)
                {
                    list.ExtendLast(end);
                }
                else
                {
                    list.Add(unknownId, at, end);
                }
                lastUnknown = true;
            }
            at = end;
        }
    }

    private bool TryBytes(ReadOnlySpan<char> character, Span<byte> bytes, out int count)
    {
        count = Encoding.UTF8.GetBytes(character, bytes);
        foreach (byte b in bytes[..count])
        {
            if (byteIds[b] is null)
            {
                return false;
            }
        }
        return true;
    }

    private static Dictionary<string, int> ReadVocabulary(JsonPart part, out string?[] tokens)
    {
        Dictionary<string, int> vocabulary = [];
        int most = -1;
        foreach (JsonProperty entry in part.AsObject().Element.EnumerateObject())
        {
            int id = entry.Value.ValueKind == JsonValueKind.Number && entry.Value.TryGetInt32(out int value) ? value : -1;
            if (id is < 0 or >= 1 << 24)
            {
                throw part.Bad($"gives '{BadFileException.Short(entry.Name)}' the id {BadFileException.Short(entry.Value.GetRawText())}; "
                    + $"expected a whole number from 0 to {(1 << 24) - 1}.");
            }
            vocabulary.Add(entry.Name, id);
            most = Math.Max(most, id);
        }
        // Ids with gaps occur; a few tokens that ask for a table of millions do not.
        if (most > 100_000 + 4L * vocabulary.Count)
        {
            throw part.Bad($"has {vocabulary.Count} tokens and an id {most}; expected ids without such gaps.");
        }
        tokens = new string?[most + 1];
        foreach ((string token, int id) in vocabulary)
        {
            if (tokens[id] is { } other)
            {
                throw part.Bad($"gives the id {id} to '{BadFileException.Short(other)}' and to '{BadFileException.Short(token)}'.");
            }
            tokens[id] = token;
        }
        return vocabulary;
    }

    private Dictionary<long, (int Rank, int Id)> ReadMerges(JsonPart part)
    {
        Dictionary<long, (int Rank, int Id)> ranks = [];
        int rank = 0;
        foreach (JsonPart item in part.Items("merges"))
        {
            (string left, string right) = ReadMerge(item);
            if (!vocabulary.TryGetValue(left, out int leftId) || !vocabulary.TryGetValue(right, out int rightId)
                || !vocabulary.TryGetValue(left + right, out int id))
            {
                throw item.Bad($"merges '{BadFileException.Short(left)}' and '{BadFileException.Short(right)}': they and the result must be in vocab.");
            }
            // Of a pair listed twice the last counts, as in the reference.
            ranks[MergeList.Key(leftId, rightId)] = (rank++, id);
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
