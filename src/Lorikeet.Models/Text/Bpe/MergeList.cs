namespace Lorikeet.Models.Text.Bpe;

/// <summary>The symbols of one word as a linked list with a queue of possible merges: O(n log n) however long the word is.</summary>
internal sealed class MergeList(int capacity)
{
    private Symbol[] symbols = new Symbol[capacity];
    private int count;

    private Span<Symbol> Symbols => symbols.AsSpan(0, count);

    /// <summary>The key of a pair in a table of merges.</summary>
    public static long Key(int left, int right) => ((long)left << 32) | (uint)right;

    public void Add(int id, int start, int end)
    {
        // Only byte fallback makes more symbols than characters.
        if (count == symbols.Length)
        {
            Array.Resize(ref symbols, Math.Max(8, count * 2));
        }
        symbols[count] = new Symbol { Id = id, Start = start, End = end, Before = count - 1, Next = count + 1 };
        count++;
    }

    public void ExtendLast(int end) => Symbols[count - 1].End = end;

    public void MergeAll(Dictionary<long, (int Rank, int Id)> merges)
    {
        Span<Symbol> all = Symbols;
        if (count < 2)
        {
            return;
        }
        // Rank above, place below: the smallest is the leftmost pair of the lowest rank.
        PriorityQueue<int, long> queue = new(count);
        for (int i = 0; i + 1 < count; i++)
        {
            Offer(all, i, i + 1, merges, queue);
        }
        while (queue.TryDequeue(out int left, out long priority))
        {
            ref Symbol first = ref all[left];
            int right = first.Next;
            // Entries whose symbols have changed since are stale.
            if (first.Id < 0 || right >= count || !merges.TryGetValue(Key(first.Id, all[right].Id), out (int Rank, int Id) merge) || merge.Rank != priority >> 32)
            {
                continue;
            }
            ref Symbol second = ref all[right];
            first.Id = merge.Id;
            first.End = second.End;
            first.Next = second.Next;
            second.Id = -1;
            if (first.Next < count)
            {
                all[first.Next].Before = left;
                Offer(all, left, first.Next, merges, queue);
            }
            if (first.Before >= 0)
            {
                Offer(all, first.Before, left, merges, queue);
            }
        }
    }

    public void CopyTo(List<(int Id, int Start, int End)> output)
    {
        Span<Symbol> all = Symbols;
        for (int i = 0; i < count; i = all[i].Next)
        {
            output.Add((all[i].Id, all[i].Start, all[i].End));
        }
    }

    private static void Offer(Span<Symbol> all, int left, int right, Dictionary<long, (int Rank, int Id)> merges, PriorityQueue<int, long> queue)
    {
        if (merges.TryGetValue(Key(all[left].Id, all[right].Id), out (int Rank, int Id) merge))
        {
            queue.Enqueue(left, ((long)merge.Rank << 32) | (uint)left);
        }
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
