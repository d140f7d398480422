namespace Lorikeet.Serving;

/// <summary>An engine's figures as plain numbers: the engine's thread writes them after each step, any thread reads them without waiting.</summary>
public sealed class EngineStatistics
{
    private static readonly int reasons = Enum.GetValues<FinishReason>().Length;
    private readonly long[] ended = new long[reasons];
    private long running, waiting, waitingForAdapters, waitingTokens;
    private long usedBytes, idleBytes, adapterBytes, pageBytes;
    private long promptTokens, generatedTokens, askedTokens, foundTokens;
    private long steps, rows, preemptions, evictions, drafts, drafted, accepted, refused;
    private long loads, loadFailures, adapterEvictions;

    internal EngineStatistics(long budgetBytes, long blockBytes, Histogram loadMicroseconds)
    {
        AdapterLoadMicroseconds = loadMicroseconds;
        BudgetBytes = budgetBytes;
        BlockBytes = blockBytes;
    }

    /// <summary>Bytes of the pool that keys, values and adapters share.</summary>
    public long BudgetBytes { get; }

    /// <summary>Tokens of a block of keys and values.</summary>
    public int BlockTokens => Models.SequenceState.PageTokens;

    /// <summary>Bytes of a block of a bare sequence, in all layers.</summary>
    public long BlockBytes { get; }

    /// <summary>Answers that run.</summary>
    public long Running => Volatile.Read(ref running);

    /// <summary>Answers that wait, for adapters too.</summary>
    public long Waiting => Volatile.Read(ref waiting);

    /// <summary>Those at the front of the queue that wait for an adapter to be read.</summary>
    public long WaitingForAdapters => Volatile.Read(ref waitingForAdapters);

    /// <summary>Prompt tokens of requests that have not begun.</summary>
    public long WaitingTokens => Volatile.Read(ref waitingTokens);

    /// <summary>Bytes of the pool in use, what is kept for later requests included.</summary>
    public long UsedBytes => Volatile.Read(ref usedBytes);

    /// <summary>Those of them that nobody uses at present and that would be thrown out for others.</summary>
    public long IdleBytes => Volatile.Read(ref idleBytes);

    /// <summary>Bytes of adapters.</summary>
    public long AdapterBytes => Volatile.Read(ref adapterBytes);

    /// <summary>Bytes of keys and values.</summary>
    public long PageBytes => Volatile.Read(ref pageBytes);

    /// <summary>The share of the pool that cannot be had without taking it from work in progress, 0 to 1.</summary>
    public double Usage => BudgetBytes == 0 ? 0 : Math.Clamp((UsedBytes - IdleBytes) / (double)BudgetBytes, 0, 1);

    /// <summary>Tokens of prompts of requests that began.</summary>
    public long PromptTokens => Volatile.Read(ref promptTokens);

    /// <summary>Tokens of answers.</summary>
    public long GeneratedTokens => Volatile.Read(ref generatedTokens);

    /// <summary>Prompt tokens whose keys and values were looked for.</summary>
    public long PrefixQueries => Volatile.Read(ref askedTokens);

    /// <summary>Those that were there already.</summary>
    public long PrefixHits => Volatile.Read(ref foundTokens);

    /// <summary>Steps.</summary>
    public long Steps => Volatile.Read(ref steps);

    /// <summary>Rows of all steps.</summary>
    public long Rows => Volatile.Read(ref rows);

    /// <summary>How often an answer gave its pages to an older one and started over.</summary>
    public long Preemptions => Volatile.Read(ref preemptions);

    /// <summary>How often something idle was thrown out for room.</summary>
    public long Evictions => Volatile.Read(ref evictions);

    /// <summary>Rounds of guesses.</summary>
    public long Drafts => Volatile.Read(ref drafts);

    /// <summary>Tokens that were guessed.</summary>
    public long DraftTokens => Volatile.Read(ref drafted);

    /// <summary>Those that came true.</summary>
    public long AcceptedTokens => Volatile.Read(ref accepted);

    /// <summary>Requests that were refused because the queue was full.</summary>
    public long Refused => Interlocked.Read(ref refused);

    /// <summary>Adapters that were read.</summary>
    public long AdapterLoads => Volatile.Read(ref loads);

    /// <summary>Adapters that could not be.</summary>
    public long AdapterLoadFailures => Volatile.Read(ref loadFailures);

    /// <summary>Adapters that were thrown out for room.</summary>
    public long AdapterEvictions => Volatile.Read(ref adapterEvictions);

    /// <summary>Adapters in memory, the most recently used first as of a second ago.</summary>
    public IReadOnlyList<AdapterVersion> ResidentAdapters { get; private set; } = [];

    /// <summary>Adapters that are being read.</summary>
    public IReadOnlyList<AdapterVersion> LoadingAdapters { get; private set; } = [];

    /// <summary>When one of these two lists changed last, on the engine's clock.</summary>
    public DateTimeOffset AdaptersChanged { get; private set; }

    /// <summary>Rows of a step.</summary>
    public Histogram StepRows { get; } = new(1, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096, 8192, 16384);

    /// <summary>Distinct adapters of a step.</summary>
    public Histogram StepAdapters { get; } = new(0, 1, 2, 4, 8, 16, 32, 64, 128, 256);

    /// <summary>How long adapters took to be read and made ready, those that failed too (microseconds).</summary>
    public Histogram AdapterLoadMicroseconds { get; }

    /// <summary>How many answers ended for a reason.</summary>
    /// <param name="reason">The reason.</param>
    public long Ended(FinishReason reason) => Volatile.Read(ref ended[(int)reason]);

    internal void CountEnd(FinishReason reason) => ended[(int)reason]++;

    internal void CountRefusal() => Interlocked.Increment(ref refused);

    internal void CountTokens(long prompt, long generated)
    {
        promptTokens += prompt;
        generatedTokens += generated;
    }

    internal void CountStep(int stepRows, int stepAdapters)
    {
        steps++;
        rows += stepRows;
        StepRows.Add(stepRows);
        StepAdapters.Add(stepAdapters);
    }

    internal void SetWaiting(long answers, long tokens) => (waiting, waitingTokens) = (answers, tokens);

    internal void Set(Scheduler scheduler, Holdings holdings, TokenChooser chooser, long tokensWaiting)
    {
        SetWaiting(scheduler.Waiting, tokensWaiting);
        (running, waitingForAdapters) = (scheduler.Running, scheduler.WaitingForAdapters);
        (usedBytes, idleBytes) = (holdings.Memory.Pool.UsedBytes, holdings.Memory.IdleBytes);
        (adapterBytes, pageBytes) = (holdings.Memory.Pool.ChargedBytes, holdings.Memory.Pool.PageBytes);
        (askedTokens, foundTokens) = (holdings.AskedTokens, holdings.FoundTokens);
        (preemptions, evictions) = (scheduler.Preemptions, holdings.Memory.Evictions);
        (drafts, drafted, accepted) = (chooser.Drafts, chooser.Drafted, chooser.Accepted);
        (loads, loadFailures, adapterEvictions) = (holdings.Adapters.Loads, holdings.Adapters.LoadFailures, holdings.Adapters.Evictions);
    }

    internal void SetAdapters(IReadOnlyCollection<AdapterEntry> entries, DateTimeOffset now)
    {
        ResidentAdapters = [.. entries.Where(e => e.Adapter is not null).OrderByDescending(e => e.LastUse).Select(e => e.Version)];
        LoadingAdapters = [.. entries.Where(e => e.Adapter is null).Select(e => e.Version)];
        AdaptersChanged = now;
    }
}
