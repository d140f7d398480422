using System.Text;

namespace Lorikeet.Models.Text;

/// <summary>A piece of text between added tokens while it is normalised and cut into words; knows where each character came from.</summary>
internal sealed class TextPiece
{
    private char[] characters;
    private int[]? from;
    private int[]? to;
    private int length;

    private TextPiece(int capacity, bool tracked)
    {
        characters = new char[capacity];
        from = tracked ? new int[capacity] : null;
        to = tracked ? new int[capacity] : null;
    }

    /// <summary>A copy of some text.</summary>
    /// <param name="text">The text, without lone surrogates.</param>
    /// <param name="start">Where it lies in the whole text, in code points.</param>
    /// <param name="tracked">Whether offsets will be asked for.</param>
    public TextPiece(ReadOnlySpan<char> text, int start, bool tracked)
        : this(text.Length, tracked)
    {
        IsStart = start == 0;
        text.CopyTo(characters);
        length = text.Length;
        Words.Add((0, length));
        if (!tracked)
        {
            return;
        }
        int at = start - 1;
        for (int i = 0; i < length; i++)
        {
            at += char.IsLowSurrogate(text[i]) ? 0 : 1;
            from![i] = at;
            to![i] = at + 1;
        }
    }

    /// <summary>Whether it is written in the byte alphabet.</summary>
    public bool IsBytes { get; private set; }

    /// <summary>Whether it is the first of the whole text.</summary>
    public bool IsStart { get; private init; }

    /// <summary>The text as it is now.</summary>
    public ReadOnlySpan<char> Text => characters.AsSpan(0, length);

    /// <summary>The words of the text as UTF-16 ranges, ascending and not empty; text outside them was dropped.</summary>
    public List<(int Start, int End)> Words { get; } = [];

    /// <summary>The range of the whole text, in code points, that a range of this one stands for; (0, 0) where offsets are not tracked.</summary>
    public (int From, int To) Origin(int start, int end) =>
        from is null || start >= end ? (0, 0) : (from[start], to![end - 1]);

    /// <summary>A part as a piece of its own.</summary>
    public TextPiece Slice(int start, int end)
    {
        TextPiece part = new(end - start, from is not null) { IsStart = IsStart && start == 0, length = end - start };
        Text[start..end].CopyTo(part.characters);
        from?.AsSpan(start, end - start).CopyTo(part.from);
        to?.AsSpan(start, end - start).CopyTo(part.to);
        part.Words.Add((0, part.length));
        return part;
    }

    /// <summary>Replaces the text by code points with changes, as <see cref="Unicode.Composition"/> makes them.</summary>
    public void Transform(List<(int CodePoint, int Change)> output)
    {
        TextPiece result = new(Math.Max(length, output.Count), from is not null);
        int at = 0;
        Span<char> units = stackalloc char[2];
        foreach ((int codePoint, int change) in output)
        {
            (int start, int end) = change > 0 ? (at > 0 ? Before(at) : (0, 0)) : at < length ? Origin(at, at + 1) : (0, 0);
            int count = new Rune(codePoint).EncodeToUtf16(units);
            for (int i = 0; i < count; i++)
            {
                result.Append(units[i], start, end);
            }
            for (int skip = change; skip <= 0 && at < length; skip++)
            {
                at += char.IsHighSurrogate(characters[at]) && at + 1 < length ? 2 : 1;
            }
        }
        Take(result);
        Words.Clear();
        if (length > 0)
        {
            Words.Add((0, length));
        }
    }

    /// <summary>Puts a character before each word that does not start with it; it takes the range of the word's first character.</summary>
    public void PrefixWords(char prefix)
    {
        if (Words.TrueForAll(w => characters[w.Start] == prefix))
        {
            return;
        }
        Rewrite(Words.Count + length, (result, start, end) =>
        {
            if (characters[start] != prefix)
            {
                (int f, int t) = Origin(start, start + 1);
                result.Append(prefix, f, t);
            }
            result.AppendRange(this, start, end);
        });
    }

    /// <summary>Replaces each word by the stand-ins of its UTF-8 bytes; all bytes of a character have its range.</summary>
    public void ToByteAlphabet()
    {
        IsBytes = true;
        Rewrite(length, (result, start, end) =>
        {
            Span<byte> bytes = stackalloc byte[4];
            for (int i = start; i < end;)
            {
                if (characters[i] < 0x80)
                {
                    (int f, int t) = Origin(i, i + 1);
                    result.Append(Unicode.ByteAlphabet.ToChar((byte)characters[i]), f, t);
                    i++;
                    continue;
                }
                _ = Rune.DecodeFromUtf16(characters.AsSpan(i, end - i), out Rune rune, out int used);
                (int first, int last) = Origin(i, i + used);
                int count = rune.EncodeToUtf8(bytes);
                for (int b = 0; b < count; b++)
                {
                    result.Append(Unicode.ByteAlphabet.ToChar(bytes[b]), first, last);
                }
                i += used;
            }
        });
    }

    private (int From, int To) Before(int at) => Origin(at - 1, at);

    private void Rewrite(int capacity, Action<TextPiece, int, int> word)
    {
        TextPiece result = new(capacity, from is not null);
        for (int i = 0; i < Words.Count; i++)
        {
            int start = result.length;
            word(result, Words[i].Start, Words[i].End);
            Words[i] = (start, result.length);
        }
        Take(result);
    }

    private void Take(TextPiece other) => (characters, from, to, length) = (other.characters, other.from, other.to, other.length);

    private void AppendRange(TextPiece source, int start, int end)
    {
        for (int i = start; i < end; i++)
        {
            (int f, int t) = source.Origin(i, i + 1);
            Append(source.characters[i], f, t);
        }
    }

    private void Append(char c, int first, int last)
    {
        if (length == characters.Length)
        {
            int capacity = Math.Max(16, checked(length * 2));
            Array.Resize(ref characters, capacity);
            if (from is not null)
            {
                Array.Resize(ref from, capacity);
                Array.Resize(ref to, capacity);
            }
        }
        characters[length] = c;
        if (from is not null)
        {
            from[length] = first;
            to![length] = last;
        }
        length++;
    }
}
