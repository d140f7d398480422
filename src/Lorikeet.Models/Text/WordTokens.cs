using Lorikeet.Models.Text.Bpe;

namespace Lorikeet.Models.Text;

/// <summary>The tokens of a word, and the memory that finding them takes; one for each thread that encodes, used again and again.</summary>
internal sealed class WordTokens
{
    private (int Id, int Start, int End)[] items = new (int, int, int)[64];

    /// <summary>The tokens, each with its range in the word in UTF-16 units.</summary>
    public ReadOnlySpan<(int Id, int Start, int End)> Items => items.AsSpan(0, Count);

    /// <summary>How many there are.</summary>
    public int Count { get; private set; }

    /// <summary>The merging of one word.</summary>
    public MergeList Merges { get; } = new();

    /// <summary>The best paths of one word.</summary>
    public Unigram.PathTable Paths { get; } = new();

    /// <summary>How many tokens, symbols or places there is room for.</summary>
    public int Capacity => Math.Max(items.Length, Math.Max(Merges.Capacity, Paths.Capacity));

    public void Clear() => Count = 0;

    public void Add(int id, int start, int end)
    {
        if (Count == items.Length)
        {
            Array.Resize(ref items, Count * 2);
        }
        items[Count++] = (id, start, end);
    }

    /// <summary>The tokens from an index on, for changing.</summary>
    public Span<(int Id, int Start, int End)> From(int index) => items.AsSpan(index, Count - index);

    /// <summary>Turns the tokens from an index on round.</summary>
    public void Reverse(int from) => items.AsSpan(from, Count - from).Reverse();

    /// <summary>Drops the tokens from an index on.</summary>
    public void Cut(int count) => Count = count;
}
