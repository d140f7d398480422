using System.Runtime.InteropServices;
using Lorikeet.Models;
using Lorikeet.Models.Text;
using Lorikeet.Tensors;

namespace Lorikeet.Serving;

/// <summary>Generates for many requests at once, each with its own adapters; one <see cref="Step"/> is one pass through the model.</summary>
/// <remarks>
/// Deterministic: an answer is a function of its own request, whatever runs beside it and whenever it arrives. Not thread-safe: one caller at a
/// time; <see cref="EngineHost"/> is the front for many.
/// </remarks>
public sealed class Engine : IDisposable
{
    private readonly EngineOptions options;
    private readonly RequestCheck check;
    private readonly PagePool pool;
    private readonly Memory memory;
    private readonly PrefixCache prefixes;
    private readonly AdapterCache adapters;
    private readonly Holdings holdings;
    private readonly Scheduler scheduler;
    private readonly StepRows step;
    private readonly TokenChooser chooser;
    private readonly ModelRun run = new();
    private readonly Dictionary<int, ActiveRequest> active = [];
    private readonly List<GenerationEvent> events = [];
    private readonly List<(Sequence Sequence, FinishReason Reason, Exception? Error)> ended = [];
    private readonly List<(AdapterVersion Version, Exception Error)> unread = [];
    private readonly SemaphoreSlim read = new(0);
    private long adapterChanges;
    private long waitingTokens;
    private long nextDeadline = long.MaxValue;
    private int lastId;

    /// <summary>An engine without requests.</summary>
    /// <param name="model">
    /// The model; the caller keeps it and may use it between steps. Where its weights are changed, <see cref="ForgetPrefixes"/> comes next.
    /// </param>
    /// <param name="options">Limits; null: the defaults.</param>
    /// <param name="tokenizer">Gives events their text and finds stop texts; null: token ids only.</param>
    /// <exception cref="ArgumentException">A limit has a value it cannot have.</exception>
    public Engine(LanguageModel model, EngineOptions? options = null, Tokenizer? tokenizer = null)
    {
        ArgumentNullException.ThrowIfNull(model);
        options ??= new EngineOptions();
        options.Check();
        this.options = options;
        Model = model;
        Tokenizer = tokenizer;
        check = new RequestCheck(model, tokenizer, options);
        pool = new PagePool(options.CacheBytes, options.PoisonFreedPages);
        memory = new Memory(pool, EvictionPolicies.Create(options.Eviction));
        prefixes = new PrefixCache(memory);
        adapters = new AdapterCache(model, memory, prefixes, options.Factors, options.LoaderThreads);
        adapters.Loaded = () => read.Release();
        holdings = new Holdings(model, options, memory, prefixes, adapters);
        Queue = QueuePolicies.Create(options.Queue);
        scheduler = new Scheduler(holdings, Queue, options);
        step = new StepRows(model);
        chooser = new TokenChooser(model);
        Statistics = new EngineStatistics(options.CacheBytes, holdings.Plain.Bytes(SequenceState.PageTokens, SequenceState.PageTokens));
    }

    /// <summary>The model.</summary>
    public LanguageModel Model { get; }

    /// <summary>The tokenizer, or null.</summary>
    public Tokenizer? Tokenizer { get; }

    /// <summary>Its figures, which any thread may read.</summary>
    public EngineStatistics Statistics { get; }

    /// <summary>True while a request has not ended.</summary>
    public bool HasWork => !scheduler.IsEmpty || ended.Count > 0;

    /// <summary>True where the next step has nothing to compute: what waits, waits for an adapter that is being read. <see cref="WaitForAdapter"/> may come first.</summary>
    public bool OnlyWaits => ended.Count == 0 && scheduler.Running == 0 && scheduler.Waiting > 0 && adapters.Loading > 0 && !adapters.HasLoaded;

    /// <summary>Answers that run.</summary>
    public int Running => scheduler.Running;

    /// <summary>Answers that wait for room or for an adapter.</summary>
    public int Waiting => scheduler.Waiting;

    /// <summary>How often an answer gave its pages to an older one and started over.</summary>
    public long Preemptions => scheduler.Preemptions;

    /// <summary>Bytes of keys and values that requests hold; what is kept for later ones is not counted.</summary>
    public long CacheBytes => pool.PageBytes - IdlePageBytes;

    /// <summary>Steps so far.</summary>
    public long Steps => Statistics.Steps;

    /// <summary>Rows of all steps so far.</summary>
    public long TotalRows => Statistics.Rows;

    /// <summary>Sees the logits from which a request's next token is chosen, before any setting changes them.</summary>
    internal LogitsObserver? Observer
    {
        set => chooser.Observer = value;
    }

    internal PagePool Pool => pool;

    internal AdapterCache Adapters => adapters;

    internal QueuePolicy Queue { get; }

    /// <summary>Proves that every page, charge and claim has its owner: see <see cref="Accounts"/>.</summary>
    /// <exception cref="InvalidOperationException">Something is owned by nobody, or twice.</exception>
    internal void Audit() => Accounts.Check(pool, prefixes, adapters, active.Values);

    private long IdlePageBytes
    {
        get
        {
            long adapterBytes = 0;
            foreach (AdapterEntry entry in adapters.Entries)
            {
                adapterBytes += entry.List is null ? 0 : entry.Bytes;
            }
            return memory.IdleBytes - adapterBytes;
        }
    }

    /// <summary>Says what is wrong with a request, as far as that can be said before it enters the queue; on any thread.</summary>
    /// <param name="request">The request.</param>
    /// <exception cref="ArgumentException">It cannot be met; the message says why.</exception>
    public void Check(GenerationRequest request) => check.Run(request);

    /// <summary>Puts a request in the queue.</summary>
    /// <param name="request">The request.</param>
    /// <returns>The number under which its events come.</returns>
    /// <exception cref="ArgumentException">The request cannot be met; the message says why.</exception>
    /// <exception cref="EngineBusyException">The queue is full.</exception>
    public int Add(GenerationRequest request)
    {
        check.Run(request);
        RefuseWhereFull(request);
        return Enter(request);
    }

    /// <summary>Ends a request; its last events come with the next step, its pages and adapters are free at once. One that has ended already is left alone.</summary>
    /// <param name="id">The request.</param>
    public void Cancel(int id)
    {
        if (active.TryGetValue(id, out ActiveRequest? request))
        {
            EndAll(request, FinishReason.Cancelled, null);
        }
    }

    /// <summary>Runs one pass through the model and chooses the next tokens.</summary>
    /// <returns>What it brought, valid until the next call; empty while prompts run in chunks or adapters are read, or where there is nothing to do.</returns>
    public ReadOnlySpan<GenerationEvent> Step()
    {
        events.Clear();
        TakeInAdapters();
        Expire();
        scheduler.Schedule();
        foreach ((Sequence sequence, Exception error) in scheduler.Impossible)
        {
            EndAll(sequence.Owner, FinishReason.Failed, error);
        }
        if (scheduler.Scheduled.Count > 0 && scheduler.Impossible.Count == 0)
        {
            Forward();
        }
        Report();
        scheduler.Scheduled.Clear();
        Statistics.Set(scheduler, holdings, chooser, waitingTokens);
        if (adapterChanges != adapters.Changes)
        {
            adapterChanges = adapters.Changes;
            Statistics.SetAdapters(adapters.Entries, options.Clock.GetUtcNow());
        }
        return CollectionsMarshal.AsSpan(events);
    }

    /// <summary>Waits until an adapter was read, at most for a time; where <see cref="OnlyWaits"/> holds, steps bring nothing before.</summary>
    /// <param name="most">The longest time.</param>
    public void WaitForAdapter(TimeSpan most)
    {
        if (OnlyWaits)
        {
            read.Wait(most);
        }
    }

    /// <summary>Pins an adapter, or unpins it: a pinned one stays in memory from its next use on, whatever else needs room.</summary>
    /// <param name="version">The adapter.</param>
    /// <param name="pinned">Whether it stays.</param>
    public void Pin(AdapterVersion version, bool pinned = true)
    {
        ArgumentNullException.ThrowIfNull(version);
        adapters.Pin(version, pinned);
    }

    /// <summary>Says that no new request will ask for an adapter: requests that are bound to it end with it, then its memory is free.</summary>
    /// <param name="version">The adapter.</param>
    public void Retire(AdapterVersion version)
    {
        ArgumentNullException.ThrowIfNull(version);
        adapters.Retire(version);
    }

    /// <summary>Forgets the keys and values that are kept for later requests: the model's weights have changed.</summary>
    public void ForgetPrefixes() => prefixes.Forget((Func<string, bool>?)null);

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (ActiveRequest request in active.Values.ToArray())
        {
            EndAll(request, FinishReason.Cancelled, null);
            request.ForgetOwn(prefixes);
        }
        active.Clear();
        ForgetPrefixes();
        adapters.Dispose();
        run.Dispose();
        pool.Dispose();
        read.Dispose();
    }

    /// <summary>Asks for an adapter outside of any request.</summary>
    /// <param name="version">The adapter.</param>
    /// <param name="failures">Its failed loads when it was first asked for; -1: it was not.</param>
    /// <param name="error">Why it cannot be had; null.</param>
    internal AdapterWish Bring(AdapterVersion version, ref long failures, out Exception? error)
    {
        if (failures >= 0 && version.Figures.LoadFailures > failures)
        {
            error = adapters.LastFailure;
            return AdapterWish.Failed;
        }
        failures = version.Figures.LoadFailures;
        return adapters.Want(version, out error);
    }

    /// <summary>Drops the last events of requests that were cancelled: nobody waits for them.</summary>
    internal void Forget()
    {
        Report();
        events.Clear();
    }

    internal int Enter(GenerationRequest request)
    {
        TimeProvider clock = options.Clock;
        long now = clock.GetTimestamp();
        ActiveRequest owner = new(++lastId, request) { Arrived = now, GivenUp = After(request.Deadline), BeginsBy = After(request.StartWithin) };
        IReadOnlyList<int> ends = request.EndIds ?? Model.Config.EndIds;
        int most = check.Most(request);
        owner.Choices = new Sequence[request.Choices];
        for (int i = 0; i < owner.Choices.Length; i++)
        {
            owner.Choices[i] = new Sequence(owner, i, ends, most, options.DraftTokens, Tokenizer);
        }
        owner.Open = owner.Choices.Length;
        active.Add(owner.Id, owner);
        Array.ForEach(owner.Choices, scheduler.Add);
        foreach (AdapterShare share in request.Adapters)
        {
            adapters.Bind(share.Version);
        }
        waitingTokens += request.Prompt.Count;
        nextDeadline = Math.Min(nextDeadline, owner.Ends);
        Statistics.SetWaiting(scheduler.Waiting, waitingTokens);
        return owner.Id;

        long After(TimeSpan? time) => time is { } t ? now + (long)Math.Min(t.TotalSeconds * clock.TimestampFrequency, long.MaxValue / 2) : long.MaxValue;
    }

    private void RefuseWhereFull(GenerationRequest request)
    {
        string? full = scheduler.Waiting + request.Choices > options.MaxWaiting ? $"{scheduler.Waiting} answers wait; the queue holds {options.MaxWaiting}"
            : waitingTokens + request.Prompt.Count > options.MaxWaitingTokens ? $"{waitingTokens} prompt tokens wait; the queue holds {options.MaxWaitingTokens}"
            : null;
        if (full is not null)
        {
            Statistics.CountRefusal();
            throw new EngineBusyException(full + ": try again later");
        }
    }

    private void TakeInAdapters()
    {
        unread.Clear();
        adapters.Poll(unread);
        foreach ((AdapterVersion version, Exception error) in unread)
        {
            foreach (ActiveRequest request in active.Values.Where(a => Array.Exists(a.Shares, s => s.Version == version)).ToArray())
            {
                EndAll(request, FinishReason.Failed, new AdapterLoadException(version, error));
            }
        }
    }

    private void Expire()
    {
        if (nextDeadline == long.MaxValue)
        {
            return;
        }
        long now = options.Clock.GetTimestamp();
        if (now < nextDeadline)
        {
            return;
        }
        nextDeadline = long.MaxValue;
        foreach (ActiveRequest request in active.Values.ToArray())
        {
            if (request.Ends <= now)
            {
                EndAll(request, FinishReason.Expired, null);
            }
            else
            {
                nextDeadline = Math.Min(nextDeadline, request.Ends);
            }
        }
    }

    private void Forward()
    {
        List<Sequence> scheduled = scheduler.Scheduled;
        step.Set(scheduled);
        run.Arena.Reset();
        run.Rows = step.Rows;
        run.Plan = step.Plan;
        Tensor hidden = Model.Forward(run, Input.Of(step.Ids));
        Tensor logits = default;
        if (step.LogitRows > 0)
        {
            Tensor rows = step.LogitRows == step.Rows.Count ? hidden : RowsOfLogits(hidden, scheduled);
            run.Plan = step.HeadPlan;
            logits = Model.Logits(run, rows);
        }
        int row = 0, at = 0;
        foreach (Sequence sequence in scheduled)
        {
            NoteStart(sequence);
            // Asked before: a sequence that ends here has no rows any more, and those after it would read its own.
            int rows = sequence.Rows, logitRows = sequence.LogitRows;
            Take(sequence, hidden, row, logits, at);
            row += rows;
            at += logitRows;
        }
        Statistics.CountStep(step.Rows.Count, step.Plan is null ? 0 : step.Adapters);
    }

    // The head is the widest product: it runs for the rows that need it.
    private Tensor RowsOfLogits(in Tensor hidden, List<Sequence> scheduled)
    {
        Tensor rows = run.Allocate(step.LogitRows, hidden.Width);
        int row = 0, at = 0;
        foreach (Sequence sequence in scheduled)
        {
            row += sequence.Rows;
            for (int i = sequence.LogitRows; i > 0; i--)
            {
                hidden.Row(row - i).CopyTo(rows.Row(at++));
            }
        }
        return rows;
    }

    private void Take(Sequence sequence, in Tensor hidden, int row, in Tensor logits, int at)
    {
        int start = sequence.State!.Length, count = sequence.Rows - sequence.Drafts;
        bool samples = sequence.Samples;
        holdings.Publish(sequence, Math.Min(start + count, sequence.PromptLength));
        sequence.Pool?.Take(hidden, row, count, start);
        if (sequence.Scores is { IsComplete: false } && start < sequence.PromptLength)
        {
            TokenChooser.ScorePrompt(sequence, logits, at);
        }
        if (!samples)
        {
            holdings.Append(sequence, count);
        }
        else if (sequence.MaxTokens == 0 || sequence.Pool is not null)
        {
            holdings.Append(sequence, count);
            Finish(sequence, sequence.End(FinishReason.Done) with { Embedding = sequence.Pool?.Vector(), PromptScores = sequence.Scores?.Result() });
        }
        else
        {
            Answer(sequence, logits, at + sequence.LogitRows - 1 - sequence.Drafts, count);
        }
    }

    private void Answer(Sequence sequence, in Tensor logits, int at, int count)
    {
        int before = sequence.Generated, first = events.Count;
        int accepted = chooser.Choose(sequence, logits, at, events);
        holdings.Append(sequence, count + accepted);
        Statistics.CountTokens(0, sequence.Generated - before);
        int paid = sequence.Generated - Math.Max(before, 1);
        if (paid > 0)
        {
            scheduler.Generated(sequence, paid);
        }
        if (!sequence.Owner.HasAnswered)
        {
            sequence.Owner.FirstToken = options.Clock.GetTimestamp();
        }
        if (events.Count > first && events[^1].Finish != FinishReason.None)
        {
            GenerationEvent last = events[^1];
            events.RemoveAt(events.Count - 1);
            Finish(sequence, last);
        }
    }

    private void NoteStart(Sequence sequence)
    {
        ActiveRequest owner = sequence.Owner;
        if (owner.Started == 0)
        {
            owner.Started = options.Clock.GetTimestamp();
            waitingTokens -= sequence.PromptLength;
            Statistics.CountTokens(sequence.PromptLength, 0);
        }
    }

    /// <summary>Ends an answer with an event of the present step.</summary>
    private void Finish(Sequence sequence, in GenerationEvent last)
    {
        sequence.HasEnded = true;
        scheduler.Remove(sequence);
        Say(sequence, last);
    }

    /// <summary>Ends all answers of a request: pages and adapters are free at once, the events come when the step reports.</summary>
    private void EndAll(ActiveRequest request, FinishReason reason, Exception? error)
    {
        foreach (Sequence sequence in request.Choices)
        {
            if (!sequence.HasEnded)
            {
                sequence.HasEnded = true;
                // One that turned out to be impossible was taken out of the queue already.
                if (sequence.Place.List is not null || sequence.Held is not null)
                {
                    scheduler.Remove(sequence);
                }
                ended.Add((sequence, reason, error));
            }
        }
    }

    private void Report()
    {
        foreach ((Sequence sequence, FinishReason reason, Exception? error) in ended)
        {
            Say(sequence, sequence.End(reason, error));
        }
        ended.Clear();
    }

    private void Say(Sequence sequence, in GenerationEvent last)
    {
        ActiveRequest owner = sequence.Owner;
        Statistics.CountEnd(last.Finish);
        events.Add(--owner.Open > 0 ? last : last with { Usage = Close(owner) });
    }

    private RequestUsage Close(ActiveRequest owner)
    {
        active.Remove(owner.Id);
        owner.ForgetOwn(prefixes);
        TimeProvider clock = options.Clock;
        long now = clock.GetTimestamp();
        if (owner.Started == 0)
        {
            waitingTokens -= owner.Request.Prompt.Count;
        }
        foreach (AdapterShare share in owner.Request.Adapters)
        {
            share.Version.Count().CountRequest(owner.Request.Prompt.Count, owner.CachedTokens, owner.GeneratedTokens);
            adapters.Unbind(share.Version);
        }
        return new RequestUsage(
            owner.Request.Prompt.Count,
            owner.CachedTokens,
            owner.GeneratedTokens,
            clock.GetElapsedTime(owner.Arrived, owner.Started == 0 ? now : owner.Started),
            owner.FirstToken == 0 ? TimeSpan.Zero : clock.GetElapsedTime(owner.Arrived, owner.FirstToken),
            clock.GetElapsedTime(owner.Arrived, now),
            owner.Preemptions);
    }
}
