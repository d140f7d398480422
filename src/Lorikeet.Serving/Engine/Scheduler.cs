namespace Lorikeet.Serving;

/// <summary>Decides which rows the next step has: who is let in, who goes on, who gives its pages back.</summary>
/// <remarks>
/// A sequence is let in when its adapters are in memory and the pages of all its present tokens are there; its prompt then runs in chunks beside the
/// others' single rows. Requests whose adapter is being read let others pass; one that lacks room does not, so that it is not passed for ever.
/// When a growing sequence finds no page, what is idle is thrown out, then the youngest gives all of its back and starts over later: it computes the
/// same again, bit for bit.
/// </remarks>
internal sealed class Scheduler
{
    /// <summary>Guesses pay while a step is bound by reading weights, not by arithmetic.</summary>
    private const int MostDrafting = 8;

    private readonly Holdings holdings;
    private readonly QueuePolicy queue;
    private readonly EngineOptions options;
    private readonly List<Sequence> running = [];

    public Scheduler(Holdings holdings, QueuePolicy queue, EngineOptions options)
    {
        this.holdings = holdings;
        this.queue = queue;
        this.options = options;
        if (options.ReserveWholeAnswers)
        {
            // What running answers will grow into must not go to adapters of those that wait.
            holdings.Adapters.Allowance = () => WholeAnswers.Room(running, holdings.Memory.Pool, holdings.Adapters, options);
        }
    }

    /// <summary>The sequences with rows in the present step, grouped by adapter.</summary>
    public List<Sequence> Scheduled { get; } = [];

    /// <summary>Those that turned out to be impossible, taken out already; the caller ends them.</summary>
    public List<(Sequence Sequence, Exception Error)> Impossible { get; } = [];

    public bool IsEmpty => queue.Count + running.Count == 0;

    public int Running => running.Count;

    public int Waiting => queue.Count;

    /// <summary>Those that wait for an adapter to be read, as of the last pass.</summary>
    public int WaitingForAdapters { get; private set; }

    /// <summary>How often a sequence gave its pages back to an older one.</summary>
    public long Preemptions { get; private set; }

    public void Add(Sequence sequence) => queue.Add(sequence);

    /// <summary>Puts the next step together in <see cref="Scheduled"/>.</summary>
    public void Schedule()
    {
        Scheduled.Clear();
        Impossible.Clear();
        foreach (Sequence sequence in running)
        {
            sequence.Rows = 0;
            sequence.Drafts = 0;
        }
        holdings.Memory.BeginPass();
        StartStaleOver();
        int left = options.MaxRows;
        long preemptions = Preemptions;
        int growing = Grow(ref left);
        if (Preemptions == preemptions)
        {
            Admit();
        }
        Chunks(ref left);
        if (options.DraftTokens > 0 && growing <= MostDrafting)
        {
            Guess(left);
        }
        foreach (Sequence sequence in running)
        {
            if (sequence.Rows > 0)
            {
                sequence.SettleLogits();
                Scheduled.Add(sequence);
            }
        }
        Group();
    }

    /// <summary>A running sequence got tokens.</summary>
    public void Generated(Sequence sequence, int tokens) => queue.Generated(sequence, tokens);

    /// <summary>Takes a sequence out and gives its pages back.</summary>
    public void Remove(Sequence sequence)
    {
        if (running.Remove(sequence))
        {
            holdings.Release(sequence);
        }
        else
        {
            queue.Remove(sequence);
        }
    }

    // The first to be let in again, and in their order.
    private void StartStaleOver()
    {
        for (int i = running.Count - 1; i >= 0; i--)
        {
            if (running[i].IsStale)
            {
                Sequence stale = running[i];
                running.RemoveAt(i);
                holdings.Release(stale);
                queue.PutBack(stale);
            }
        }
    }

    // Sequences that only add a row go first, the oldest before the others.
    private int Grow(ref int left)
    {
        int growing = 0;
        for (int i = 0; i < running.Count && left > 0; i++)
        {
            Sequence sequence = running[i];
            if (sequence.Pending == 1 && sequence.Generated > 0 && Keep(sequence, 1))
            {
                sequence.Rows = 1;
                left--;
                growing++;
            }
        }
        return growing;
    }

    private void Chunks(ref int left)
    {
        for (int i = 0; i < running.Count && left > 0; i++)
        {
            Sequence sequence = running[i];
            int rows = Math.Min(Math.Min(sequence.Ahead, sequence.MostRows), left);
            if (sequence.Rows == 0 && Keep(sequence, rows))
            {
                sequence.Rows = rows;
                left -= rows;
            }
        }
    }

    private void Guess(int left)
    {
        foreach (Sequence sequence in running)
        {
            Holding held = sequence.Held!;
            int most = Math.Min(Math.Min(sequence.Drafting, left), sequence.MaxTokens - sequence.Generated - 1);
            // No further than where positions change their meaning.
            most = Math.Min(most, held.Layout.SameUpTo - sequence.Count);
            most = sequence.Count <= held.Layout.RestartBeyond ? Math.Min(most, held.Layout.RestartBeyond - sequence.Count) : most;
            if (sequence.Rows != 1 || sequence.Generated == 0 || most <= 0 || !held.Layout.Rewinds)
            {
                continue;
            }
            int found = PromptLookup.Find(sequence.Tokens, sequence.Guesses.AsSpan(0, most));
            if (found > 0 && holdings.Ensure(sequence, 1 + found))
            {
                sequence.Drafts = found;
                sequence.Rows = 1 + found;
                left -= found;
            }
        }
    }

    /// <summary>Pages for a sequence's next rows, where need be from the youngest; false: it was the youngest itself.</summary>
    private bool Keep(Sequence sequence, int rows)
    {
        while (!holdings.Ensure(sequence, rows))
        {
            Sequence youngest = running[^1];
            Preempt(youngest);
            if (youngest == sequence)
            {
                return false;
            }
        }
        return true;
    }

    private void Preempt(Sequence sequence)
    {
        running.RemoveAt(running.Count - 1);
        holdings.Release(sequence);
        queue.PutBack(sequence);
        sequence.Owner.Preemptions++;
        Preemptions++;
    }

    private void Admit()
    {
        int loading = 0, looked = 0;
        queue.Begin();
        while ((running.Count < options.MaxSequences || looked < options.PrefetchDepth) && loading <= options.PrefetchDepth && queue.Next() is { } sequence)
        {
            if (sequence.WaitsForFirst)
            {
                continue;
            }
            looked++;
            if (running.Count >= options.MaxSequences)
            {
                holdings.Prefetch(sequence);
                continue;
            }
            AdapterWish wish = holdings.TryTake(sequence, running, out Exception? error);
            if (wish == AdapterWish.NoRoom && looked == 1 && running.Count == 0 && holdings.Adapters.Loading == 0)
            {
                // Nothing runs that could make room, and nothing that is idle was enough: pinned adapters hold the rest.
                wish = AdapterWish.Failed;
                error = new CacheTooSmallException("the adapters that are pinned, and those of the request, leave it no room: unpin some, or raise the cache");
            }
            switch (wish)
            {
                case AdapterWish.Ready:
                    queue.Remove(sequence);
                    queue.Admitted(sequence);
                    sequence.IsCharged = true;
                    running.Add(sequence);
                    break;
                case AdapterWish.Failed:
                    queue.Remove(sequence);
                    Impossible.Add((sequence, error!));
                    break;
                case AdapterWish.NoRoom:
                    WaitingForAdapters = loading;
                    return;
                default:
                    loading++;
                    break;
            }
        }
        WaitingForAdapters = loading;
    }

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
