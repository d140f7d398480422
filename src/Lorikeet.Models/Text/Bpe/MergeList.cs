namespace Lorikeet.Models.Text.Bpe;

/// <summary>The symbols of one word while pairs are merged: O(n log n) however long the word is.</summary>
/// <remarks>A short word is searched for its best pair each time; a long one keeps a queue of possible merges beside a linked list.</remarks>
internal sealed class MergeList
{
    // Up to here moving a few numbers beats a queue.
    private const int ShortWord = 32;

    private Symbol[] symbols = new Symbol[64];
    private long[] heap = [];
    private int heapCount;

    /// <summary>How many symbols there are, merged ones not taken off.</summary>
    public int Count { get; private set; }

    /// <summary>How many symbols there is room for.</summary>
    public int Capacity => symbols.Length;

    /// <summary>Pairs looked up so far: what merging costs, for tests.</summary>
    public long Steps { get; private set; }

    /// <summary>Starts a word.</summary>
    public void Clear() => Count = 0;

    public void Add(int id, int start, int end)
    {
        if (Count == symbols.Length)
        {
            Array.Resize(ref symbols, Count * 2);
        }
        symbols[Count] = new Symbol { Id = id, Start = start, End = end, Before = Count - 1, Next = Count + 1 };
        Count++;
    }

    /// <summary>Merges pairs, the lowest rank first, the leftmost of equals, until none is left, and hands the symbols over.</summary>
    public void Merge(PairTable merges, WordTokens output)
    {
        if (Count <= ShortWord)
        {
            MergeShort(merges);
        }
        else
        {
            MergeLong(merges);
        }
        for (int i = 0; i < Count; i = symbols[i].Next)
        {
            output.Add(symbols[i].Id, symbols[i].Start, symbols[i].End);
        }
    }

    private void MergeShort(PairTable merges)
    {
        Span<Symbol> all = symbols.AsSpan(0, Count);
        Span<int> ranks = stackalloc int[ShortWord];
        Span<int> results = stackalloc int[ShortWord];
        int count = all.Length;
        for (int i = 0; i + 1 < count; i++)
        {
            Rank(all, i, ranks, results, merges);
        }
        while (count > 1)
        {
            int best = 0;
            for (int i = 1; i < count - 1; i++)
            {
                best = ranks[i] < ranks[best] ? i : best;
            }
            if (ranks[best] == int.MaxValue)
            {
                break;
            }
            all[best].Id = results[best];
            all[best].End = all[best + 1].End;
            count--;
            all[(best + 2)..(count + 1)].CopyTo(all[(best + 1)..]);
            if (best + 1 < count)
            {
                ranks[(best + 2)..count].CopyTo(ranks[(best + 1)..]);
                results[(best + 2)..count].CopyTo(results[(best + 1)..]);
                Rank(all, best, ranks, results, merges);
            }
            if (best > 0)
            {
                Rank(all, best - 1, ranks, results, merges);
            }
        }
        Count = count;
        for (int i = 0; i < count; i++)
        {
            all[i].Next = i + 1;
        }
    }

    private void Rank(Span<Symbol> all, int left, Span<int> ranks, Span<int> results, PairTable merges)
    {
        Steps++;
        if (!merges.TryGet(all[left].Id, all[left + 1].Id, out ranks[left], out results[left]))
        {
            ranks[left] = int.MaxValue;
        }
    }

    private void MergeLong(PairTable merges)
    {
        Span<Symbol> all = symbols.AsSpan(0, Count);
        if (heap.Length < Count)
        {
            heap = new long[Count + Count / 2];
        }
        heapCount = 0;
        for (int i = 0; i + 1 < all.Length; i++)
        {
            Offer(all, i, i + 1, merges);
        }
        // Rank above, place below: the smallest is the leftmost pair of the lowest rank.
        while (heapCount > 0)
        {
            long top = Pop();
            int left = (int)top;
            ref Symbol first = ref all[left];
            int right = first.Next;
            // Entries whose symbols have changed since are stale.
            if (first.Id < 0 || right >= all.Length || !merges.TryGet(first.Id, all[right].Id, out int rank, out int id) || rank != top >> 32)
            {
                continue;
            }
            ref Symbol second = ref all[right];
            first.Id = id;
            first.End = second.End;
            first.Next = second.Next;
            second.Id = -1;
            if (first.Next < all.Length)
            {
                all[first.Next].Before = left;
                Offer(all, left, first.Next, merges);
            }
            if (first.Before >= 0)
            {
                Offer(all, first.Before, left, merges);
            }
        }
    }

    private void Offer(Span<Symbol> all, int left, int right, PairTable merges)
    {
        Steps++;
        if (merges.TryGet(all[left].Id, all[right].Id, out int rank, out _))
        {
            Push(((long)rank << 32) | (uint)left);
        }
    }

    private void Push(long value)
    {
        if (heapCount == heap.Length)
        {
            Array.Resize(ref heap, heapCount * 2);
        }
        int at = heapCount++;
        while (at > 0 && heap[(at - 1) >> 2] > value)
        {
            heap[at] = heap[(at - 1) >> 2];
            at = (at - 1) >> 2;
        }
        heap[at] = value;
    }

    // Four children a node: fewer levels, and they share a cache line.
    private long Pop()
    {
        long top = heap[0];
        long last = heap[--heapCount];
        int at = 0;
        for (int child = 1; child < heapCount; child = at * 4 + 1)
        {
            int best = child;
            for (int other = child + 1; other < Math.Min(child + 4, heapCount); other++)
            {
                best = heap[other] < heap[best] ? other : best;
            }
            if (heap[best] >= last)
            {
                break;
            }
            heap[at] = heap[best];
            at = best;
        }
        heap[at] = last;
        return top;
    }

    private struct Symbol
    {
        public int Id;
        public int Start;
        public int End;
        public int Before;
        public int Next;
    }
}
