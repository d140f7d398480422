using Lorikeet.Models;

namespace Lorikeet.Serving;

/// <summary>Decides which rows the next step has: who is let in, who goes on, who gives its pages back.</summary>
/// <remarks>
/// First come, first served. A sequence is let in when the pages of all its present tokens are there; its prompt then runs in chunks beside the
/// others' single rows. When a growing sequence finds no page, the youngest gives all of its back and starts over later: it computes the same
/// again, bit for bit.
/// </remarks>
internal sealed class Scheduler(PagePool pool, EngineOptions options)
{
    private readonly LinkedList<Sequence> waiting = [];
    private readonly List<Sequence> running = [];

    /// <summary>The sequences with rows in the present step, grouped by adapter.</summary>
    public List<Sequence> Scheduled { get; } = [];

    public bool IsEmpty => waiting.Count + running.Count == 0;

    public int Running => running.Count;

    public int Waiting => waiting.Count;

    /// <summary>How often a sequence gave its pages back to an older one.</summary>
    public long Preemptions { get; private set; }

    public void Add(Sequence sequence) => waiting.AddLast(sequence);

    public Sequence? Find(int id)
    {
        foreach (Sequence sequence in running)
        {
            if (sequence.Id == id)
            {
                return sequence;
            }
        }
        return waiting.FirstOrDefault(s => s.Id == id);
    }

    /// <summary>Puts the next step together in <see cref="Scheduled"/>.</summary>
    public void Schedule()
    {
        Scheduled.Clear();
        foreach (Sequence sequence in running)
        {
            sequence.Rows = 0;
        }
        StartStaleOver();
        int left = options.MaxRows;
        bool preempted = Grow(ref left);
        if (!preempted)
        {
            Admit();
        }
        foreach (Sequence sequence in running)
        {
            if (sequence.Rows == 0 && left > 0)
            {
                sequence.Rows = Math.Min(sequence.Pending, left);
                left -= sequence.Rows;
            }
            if (sequence.Rows > 0)
            {
                Scheduled.Add(sequence);
            }
        }
        Group();
    }

    /// <summary>Takes a sequence out and gives its pages back.</summary>
    public void Remove(Sequence sequence)
    {
        if (!running.Remove(sequence))
        {
            waiting.Remove(sequence);
        }
        sequence.Release();
    }

    /// <summary>Takes all sequences out.</summary>
    public void Clear()
    {
        foreach (Sequence sequence in running)
        {
            sequence.Release();
        }
        running.Clear();
        waiting.Clear();
    }

    // The first to be let in again, and in their order.
    private void StartStaleOver()
    {
        for (int i = running.Count - 1; i >= 0; i--)
        {
            if (running[i].IsStale)
            {
                running[i].Release();
                waiting.AddFirst(running[i]);
                running.RemoveAt(i);
            }
        }
    }

    // Sequences that only add a row go first, the oldest before the others.
    private bool Grow(ref int left)
    {
        bool any = false;
        for (int i = 0; i < running.Count && left > 0; i++)
        {
            Sequence sequence = running[i];
            if (sequence.Pending != 1)
            {
                continue;
            }
            bool kept = true;
            while (kept && !Fits(sequence, 1))
            {
                any = true;
                Sequence youngest = running[^1];
                kept = youngest != sequence;
                Preempt(youngest);
            }
            if (kept)
            {
                sequence.Reserve(pool, 1);
                sequence.Rows = 1;
                left--;
            }
        }
        return any;
    }

    private void Preempt(Sequence sequence)
    {
        sequence.Release();
        running.RemoveAt(running.Count - 1);
        // Older than all that never ran: preemption goes from the youngest up, so the front of the queue is its place.
        waiting.AddFirst(sequence);
        Preemptions++;
    }

    private void Admit()
    {
        while (running.Count < options.MaxSequences && waiting.First is { } first)
        {
            Sequence sequence = first.Value;
            int rows = Math.Min(sequence.Pending, options.MaxRows);
            if (!Fits(sequence, rows))
            {
                return;
            }
            waiting.RemoveFirst();
            sequence.Reserve(pool, rows);
            running.Add(sequence);
        }
    }

    private bool Fits(Sequence sequence, int rows) => sequence.Missing(rows) <= pool.BudgetBytes - pool.UsedBytes;

    // An insertion sort: the order hardly changes from step to step, and a decode step must not allocate.
    private void Group()
    {
        for (int i = 1; i < Scheduled.Count; i++)
        {
            Sequence moved = Scheduled[i];
            int at = i;
            for (; at > 0 && Scheduled[at - 1].Group > moved.Group; at--)
            {
                Scheduled[at] = Scheduled[at - 1];
            }
            Scheduled[at] = moved;
        }
    }
}
