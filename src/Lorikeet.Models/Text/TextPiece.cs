using System.Text;
using Lorikeet.Models.Files;
using Lorikeet.Models.Text.Unicode;

namespace Lorikeet.Models.Text;

/// <summary>A piece of text between added tokens while it is normalised and cut into words; knows where each character came from.</summary>
/// <remarks>It is used again for the next piece: its buffers stay, so that encoding allocates nothing once they have grown.</remarks>
internal sealed class TextPiece
{
    // What rules of a file may make of a text: more is an attack (each round of the byte alphabet may double a text).
    private const long MostGrowth = 64;
    private const long AlwaysAllowed = 1 << 20;

    private char[] characters = [];
    private int[] from = [];
    private int[] to = [];
    private int length;
    private char[] newCharacters = [];
    private int[] newFrom = [];
    private int[] newTo = [];
    private int newLength;
    private int pieceStart;
    private bool tracked;
    private bool growsBytesLater;

    // The first units that stand for the first character of the whole text: known even where offsets are not tracked.
    private int atStart;
    private int newAtStart;
    private long mostLength;

    /// <summary>Makes an empty piece.</summary>
    public TextPiece()
    {
    }

    /// <summary>A copy of some text.</summary>
    public TextPiece(ReadOnlySpan<char> text, int start, bool tracked) => Reset(text, start, tracked, mayDefer: false);

    /// <summary>Whether it is to be read as the byte alphabet, though it is not written in it yet.</summary>
    public bool BytesPending { get; private set; }

    /// <summary>The text as it is now.</summary>
    public ReadOnlySpan<char> Text => characters.AsSpan(0, length);

    /// <summary>The words of the text as UTF-16 ranges, ascending and not empty; text outside them was dropped.</summary>
    public List<(int Start, int End)> Words { get; private set; } = [];

    /// <summary>Room for the next <see cref="Words"/>; <see cref="TakeWords"/> makes them the words.</summary>
    public List<(int Start, int End)> NewWords { get; private set; } = [];

    /// <summary>Room for the matches of a pattern.</summary>
    public List<(int Start, int End)> Matches { get; } = [];

    /// <summary>Room for code points with changes, see <see cref="Transform"/>.</summary>
    public List<(int CodePoint, int Change)> Changes { get; } = [];

    /// <summary>Units of buffer it holds, for those who keep it.</summary>
    public int Capacity => Math.Max(characters.Length, newCharacters.Length);

    /// <summary>Starts over with some text.</summary>
    /// <param name="text">The text, without lone surrogates.</param>
    /// <param name="start">Where it lies in the whole text, in code points.</param>
    /// <param name="track">Whether offsets will be asked for.</param>
    /// <param name="mayDefer">Whether the last step may leave writing the byte alphabet to the reader of the words.</param>
    public void Reset(ReadOnlySpan<char> text, int start, bool track, bool mayDefer)
    {
        pieceStart = start;
        tracked = track;
        growsBytesLater = mayDefer;
        BytesPending = false;
        mostLength = Math.Max(AlwaysAllowed, text.Length * MostGrowth);
        Grow(ref characters, ref from, ref to, text.Length);
        text.CopyTo(characters);
        length = text.Length;
        atStart = start == 0 && length > 0 ? (char.IsHighSurrogate(text[0]) && length > 1 ? 2 : 1) : 0;
        OneWord();
        if (!tracked)
        {
            return;
        }
        int at = start - 1;
        for (int i = 0; i < length; i++)
        {
            at += char.IsLowSurrogate(text[i]) ? 0 : 1;
            from[i] = at;
            to[i] = at + 1;
        }
    }

    /// <summary>Starts over with a part of another piece.</summary>
    public void Reset(TextPiece source, int start, int end)
    {
        pieceStart = source.pieceStart;
        tracked = source.tracked;
        growsBytesLater = source.growsBytesLater;
        BytesPending = false;
        mostLength = source.mostLength;
        length = end - start;
        Grow(ref characters, ref from, ref to, length);
        source.Text[start..end].CopyTo(characters);
        atStart = Math.Clamp(source.atStart - start, 0, length);
        OneWord();
        if (tracked)
        {
            source.from.AsSpan(start, length).CopyTo(from);
            source.to.AsSpan(start, length).CopyTo(to);
        }
    }

    /// <summary>The range of the whole text, in code points, that a range of this one stands for; (0, 0) where offsets are not tracked.</summary>
    public (int From, int To) Origin(int start, int end) => !tracked || start >= end ? (0, 0) : (from[start], to[end - 1]);

    /// <summary>Whether the character at an index stands for the first one of the whole text.</summary>
    public bool IsAtStart(int index) => index < atStart;

    /// <summary>Replaces one character by another, everywhere.</summary>
    public void ReplaceInPlace(char old, char replacement) => characters.AsSpan(0, length).Replace(old, replacement);

    /// <summary>
    /// Replaces the text by code points with changes, as <see cref="Unicode.Composition"/> makes them: 0 replaces one character, -k replaces one
    /// and removes the k after it, +1 is inserted and takes the range of the character before it.
    /// </summary>
    /// <param name="output">The code points.</param>
    /// <param name="removed">How many characters at the start were removed before the first.</param>
    public void Transform(List<(int CodePoint, int Change)> output, int removed = 0)
    {
        Begin(output.Count);
        int at = 0;
        for (; removed > 0; removed--)
        {
            Skip(ref at);
        }
        Span<char> units = stackalloc char[2];
        foreach ((int codePoint, int change) in output)
        {
            int source = change > 0 ? at - 1 : Math.Min(at, length - 1);
            if (codePoint < 0x10000)
            {
                Append((char)codePoint, source);
            }
            else
            {
                _ = new Rune(codePoint).EncodeToUtf16(units);
                Append(units[0], source);
                Append(units[1], source);
            }
            for (int skip = change; skip <= 0; skip++)
            {
                Skip(ref at);
            }
        }
        Finish();
        OneWord();
    }

    /// <summary>Drops the characters that a test refuses.</summary>
    public void Filter(Func<int, bool> keep)
    {
        Changes.Clear();
        int removed = 0, first = 0;
        bool any = false;
        foreach (Rune rune in Text.EnumerateRunes())
        {
            if (!keep(rune.Value))
            {
                removed++;
                any = true;
                continue;
            }
            if (Changes.Count == 0)
            {
                first = removed;
            }
            else if (removed > 0)
            {
                Changes[^1] = (Changes[^1].CodePoint, -removed);
            }
            Changes.Add((rune.Value, 0));
            removed = 0;
        }
        if (any)
        {
            Transform(Changes, first);
        }
    }

    /// <summary>Replaces matches in the whole text; what is put in has the range of the last character it replaces.</summary>
    public void Replace(List<(int Start, int End)> matches, string content)
    {
        Begin(length);
        int at = 0;
        foreach ((int start, int end) in matches)
        {
            AppendRange(at, start);
            foreach (char c in content)
            {
                Append(c, end - 1);
            }
            at = end;
        }
        AppendRange(at, length);
        Finish();
        OneWord();
    }

    /// <summary>Puts a prefix before each word that a test asks for; it takes the range of the word's first character.</summary>
    /// <param name="prefix">The prefix.</param>
    /// <param name="wants">Asked with this piece and the word's start.</param>
    public void PrefixWords(string prefix, Func<TextPiece, int, bool> wants)
    {
        if (Words.TrueForAll(w => !wants(this, w.Start)))
        {
            return;
        }
        Begin(Words.Count + length);
        NewWords.Clear();
        foreach ((int start, int end) in Words)
        {
            int newStart = newLength;
            if (wants(this, start))
            {
                foreach (char c in prefix)
                {
                    Append(c, start);
                }
            }
            AppendRange(start, end);
            NewWords.Add((newStart, newLength));
        }
        Finish();
        TakeWords();
    }

    /// <summary>Replaces each word by the stand-ins of its UTF-8 bytes, or says that it is to be read so; all bytes of a character have its range.</summary>
    public void ToByteAlphabet()
    {
        WriteBytes();
        if (growsBytesLater)
        {
            BytesPending = true;
            return;
        }
        BytesPending = true;
        WriteBytes();
    }

    /// <summary>Writes the byte alphabet where that was put off.</summary>
    public void WriteBytes()
    {
        if (!BytesPending)
        {
            return;
        }
        BytesPending = false;
        Begin(length);
        NewWords.Clear();
        Span<byte> bytes = stackalloc byte[4];
        foreach ((int start, int end) in Words)
        {
            int newStart = newLength;
            for (int i = start; i < end;)
            {
                if (characters[i] < 0x80)
                {
                    Append(ByteAlphabet.ToChar((byte)characters[i]), i);
                    i++;
                    continue;
                }
                _ = Rune.DecodeFromUtf16(characters.AsSpan(i, end - i), out Rune rune, out int used);
                int count = rune.EncodeToUtf8(bytes);
                for (int b = 0; b < count; b++)
                {
                    Append(ByteAlphabet.ToChar(bytes[b]), i);
                }
                i += used;
            }
            NewWords.Add((newStart, newLength));
        }
        Finish();
        TakeWords();
    }

    /// <summary>Makes <see cref="NewWords"/> the words.</summary>
    public void TakeWords() => (Words, NewWords) = (NewWords, Words);

    private void OneWord()
    {
        Words.Clear();
        if (length > 0)
        {
            Words.Add((0, length));
        }
    }

    private void Skip(ref int at)
    {
        if (at < length)
        {
            at += char.IsHighSurrogate(characters[at]) && at + 1 < length ? 2 : 1;
        }
    }

    private void Begin(int capacity)
    {
        newLength = 0;
        newAtStart = 0;
        Grow(ref newCharacters, ref newFrom, ref newTo, capacity);
    }

    private void Finish()
    {
        (characters, newCharacters) = (newCharacters, characters);
        (from, newFrom) = (newFrom, from);
        (to, newTo) = (newTo, to);
        length = newLength;
        atStart = newAtStart;
    }

    private void AppendRange(int start, int end)
    {
        int count = end - start;
        if (count <= 0)
        {
            return;
        }
        Reserve(count);
        characters.AsSpan(start, count).CopyTo(newCharacters.AsSpan(newLength));
        if (tracked)
        {
            from.AsSpan(start, count).CopyTo(newFrom.AsSpan(newLength));
            to.AsSpan(start, count).CopyTo(newTo.AsSpan(newLength));
        }
        if (newAtStart == newLength && start < atStart)
        {
            newAtStart += Math.Min(end, atStart) - start;
        }
        newLength += count;
    }

    // A source of -1 is the very beginning, before any character.
    private void Append(char c, int source)
    {
        Reserve(1);
        newCharacters[newLength] = c;
        if (tracked)
        {
            newFrom[newLength] = source < 0 ? pieceStart : from[source];
            newTo[newLength] = source < 0 ? pieceStart : to[source];
        }
        if (source < atStart && newAtStart == newLength)
        {
            newAtStart++;
        }
        newLength++;
    }

    private void Reserve(int count)
    {
        if (newLength + count <= newCharacters.Length && (!tracked || newLength + count <= newFrom.Length))
        {
            return;
        }
        if (newLength + count > mostLength)
        {
            throw new BadFileException($"the tokenizer's rules make a text more than {MostGrowth} times as long; expected rules that keep about its length.");
        }
        Grow(ref newCharacters, ref newFrom, ref newTo, Math.Max(newLength + count, (int)Math.Min(mostLength, newCharacters.Length * 2L)));
    }

    private void Grow(ref char[] letters, ref int[] starts, ref int[] ends, int capacity)
    {
        if (letters.Length < capacity)
        {
            Array.Resize(ref letters, Math.Max(64, capacity));
        }
        if (tracked && starts.Length < letters.Length)
        {
            Array.Resize(ref starts, letters.Length);
            Array.Resize(ref ends, letters.Length);
        }
    }
}
