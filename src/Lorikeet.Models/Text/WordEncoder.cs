using System.Runtime.InteropServices;
using System.Text;
using Lorikeet.Models.Text.Unicode;

namespace Lorikeet.Models.Text;

/// <summary>Turns the words of a piece into ids, with a memory of words that were seen.</summary>
internal sealed class WordEncoder
{
    private readonly WordCache cache = new();
    private char[] bytes = new char[256];

    /// <summary>The tokens of the word at hand.</summary>
    public WordTokens Tokens { get; } = new();

    /// <summary>Adds the ids of all words.</summary>
    public void Encode(TextPiece piece, TokenModel model, TokenList output)
    {
        List<int> ids = output.Ids;
        ReadOnlySpan<char> text = piece.Text;
        foreach ((int start, int end) in CollectionsMarshal.AsSpan(piece.Words))
        {
            if (model.CutBefore is { } cut && !piece.BytesPending)
            {
                for (int at = start; at < end;)
                {
                    int next = NextCut(text, at, end, cut);
                    Encode(text[at..next], piece.BytesPending, model, ids);
                    at = next;
                }
            }
            else
            {
                Encode(text[start..end], piece.BytesPending, model, ids);
            }
            output.Words?.Add((ids.Count, false));
        }
    }

    private void Encode(ReadOnlySpan<char> word, bool asBytes, TokenModel model, List<int> ids)
    {
        uint hash = 0;
        bool cached = word.Length <= WordCache.LongestWord;
        if (cached && cache.TryGet(word, out hash, out ReadOnlySpan<int> known))
        {
            ids.AddRange(known);
            return;
        }
        Tokens.Clear();
        model.Tokenize(asBytes ? Bytes(word) : word, Tokens);
        int before = ids.Count;
        foreach ((int id, _, _) in Tokens.Items)
        {
            ids.Add(id);
        }
        if (cached)
        {
            cache.Add(word, hash, CollectionsMarshal.AsSpan(ids)[before..]);
        }
    }

    private static int NextCut(ReadOnlySpan<char> text, int at, int end, char cut)
    {
        // Behind the cut characters at the start, up to the next.
        int from = at;
        while (from < end && text[from] == cut)
        {
            from++;
        }
        int next = text[from..end].IndexOf(cut);
        return next < 0 ? end : from + next;
    }

    private ReadOnlySpan<char> Bytes(ReadOnlySpan<char> word)
    {
        if (bytes.Length < word.Length * 3)
        {
            bytes = new char[word.Length * 3];
        }
        int count = 0;
        Span<byte> utf8 = stackalloc byte[4];
        for (int i = 0; i < word.Length;)
        {
            if (word[i] < 0x80)
            {
                bytes[count++] = ByteAlphabet.ToChar((byte)word[i++]);
                continue;
            }
            _ = Rune.DecodeFromUtf16(word[i..], out Rune rune, out int used);
            foreach (byte b in utf8[..rune.EncodeToUtf8(utf8)])
            {
                bytes[count++] = ByteAlphabet.ToChar(b);
            }
            i += used;
        }
        return bytes.AsSpan(0, count);
    }
}
