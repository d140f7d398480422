using System.Text;

namespace Lorikeet.Models.Text.Templates;

/// <summary>Builds a text and counts it against the run's budget.</summary>
internal sealed class TextBuilder(Budget budget)
{
    private readonly StringBuilder text = new();
    private int counted;
    private int codePoints;
    private int nesting;

    /// <summary>UTF-16 units so far.</summary>
    public int Length => text.Length;

    public Budget Budget => budget;

    /// <summary>Begins a value inside another.</summary>
    public void Enter() => StackGuard.Check(++nesting);

    /// <summary>Ends it.</summary>
    public void Leave() => nesting--;

    public TextBuilder Append(string piece)
    {
        Room(piece.Length);
        text.Append(piece);
        return this;
    }

    public TextBuilder Append(ReadOnlySpan<char> piece)
    {
        Room(piece.Length);
        text.Append(piece);
        return this;
    }

    public TextBuilder Append(char c)
    {
        Room(1);
        text.Append(c);
        return this;
    }

    public TextBuilder Append(char c, int count)
    {
        if (count > 0)
        {
            Room(count);
            text.Append(c, count);
        }
        return this;
    }

    /// <summary>Code points so far; a surrogate pair is one.</summary>
    public int CodePoints()
    {
        int at = 0;
        foreach (ReadOnlyMemory<char> chunk in text.GetChunks())
        {
            ReadOnlySpan<char> span = chunk.Span;
            for (int i = Math.Max(0, counted - at); i < span.Length; i++)
            {
                codePoints += char.IsLowSurrogate(span[i]) && Before(at + i) ? 0 : 1;
            }
            at += span.Length;
        }
        counted = text.Length;
        return codePoints;
    }

    public override string ToString() => text.ToString();

    private bool Before(int index) => index > 0 && char.IsHighSurrogate(text[index - 1]);

    private void Room(int count)
    {
        // Short pieces add up to long texts: the text's own length is what the limit of a value is about.
        if ((long)text.Length + count > budget.ValueSize)
        {
            budget.Make((long)text.Length + count);
        }
        budget.Make(count);
    }
}
