using Lorikeet.Models;
using Lorikeet.Models.Text;

namespace Lorikeet.Serving;

/// <summary>Generates for many requests at once, each with its own adapters; one <see cref="Step"/> is one pass through the model.</summary>
/// <remarks>
/// Deterministic: an answer is a function of its own request, whatever runs beside it and whenever it arrives. Not thread-safe: one caller at a
/// time; <see cref="EngineHost"/> is the front for many.
/// </remarks>
public sealed class Engine : IDisposable
{
    private static readonly TimeSpan ListedFor = TimeSpan.FromSeconds(1);
    private readonly EngineOptions options;
    private readonly RequestCheck check;
    private readonly PagePool pool;
    private readonly Memory memory;
    private readonly PrefixCache prefixes;
    private readonly AdapterCache adapters;
    private readonly Holdings holdings;
    private readonly OpenRequests requests;
    private readonly Scheduler scheduler;
    private readonly StepPass pass;
    private readonly TokenChooser chooser;
    private readonly StepEvents events;
    private readonly List<(AdapterVersion Version, Exception Error)> unread = [];
    private readonly SemaphoreSlim read = new(0);
    private long adapterChanges;
    private long adaptersListed;

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
        if (options.MaxLength > model.Config.MaxPositions)
        {
            throw new ArgumentException($"MaxLength (--max-model-len) is {options.MaxLength}; the model's sequences end at {model.Config.MaxPositions}", nameof(options));
        }
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
        pass = new StepPass(model);
        chooser = new TokenChooser(model);
        requests = new OpenRequests(options, adapters, prefixes);
        Statistics = new EngineStatistics(options.CacheBytes, holdings.Plain.Bytes(SequenceState.PageTokens, SequenceState.PageTokens), adapters.LoadMicroseconds);
        events = new StepEvents(options, requests, scheduler, holdings, chooser, Statistics);
    }

    /// <summary>The model.</summary>
    public LanguageModel Model { get; }

    /// <summary>The tokenizer, or null.</summary>
    public Tokenizer? Tokenizer { get; }

    /// <summary>Its figures, which any thread may read.</summary>
    public EngineStatistics Statistics { get; }

    /// <summary>True while a request has not ended.</summary>
    public bool HasWork => !scheduler.IsEmpty || events.HasEnded;

    /// <summary>True where the next step has nothing to compute: what waits, waits for an adapter that is being read. <see cref="WaitForAdapter"/> may come first.</summary>
    public bool OnlyWaits => !events.HasEnded && scheduler.Running == 0 && scheduler.Waiting > 0 && adapters.Loading > 0 && !adapters.HasLoaded;

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
    internal void Audit() => Accounts.Check(pool, prefixes, adapters, requests.All);

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
        if (requests.Find(id) is { } request)
        {
            events.EndAll(request, FinishReason.Cancelled, null);
        }
    }

    /// <summary>Runs one pass through the model and chooses the next tokens.</summary>
    /// <returns>What it brought, valid until the next call; empty while prompts run in chunks or adapters are read, or where there is nothing to do.</returns>
    public ReadOnlySpan<GenerationEvent> Step()
    {
        events.Clear();
        long uses = adapters.Uses;
        TakeInAdapters();
        foreach (ActiveRequest request in requests.Expired())
        {
            events.EndAll(request, FinishReason.Expired, null);
        }
        scheduler.Schedule();
        foreach ((Sequence sequence, Exception error) in scheduler.Impossible)
        {
            events.EndAll(sequence.Owner, FinishReason.Failed, error);
        }
        if (scheduler.Scheduled.Count > 0 && scheduler.Impossible.Count == 0)
        {
            pass.Run(scheduler.Scheduled);
            events.Take(pass, scheduler.Scheduled);
            Statistics.CountStep(pass.Rows, pass.Adapters);
        }
        events.Report();
        scheduler.Scheduled.Clear();
        Statistics.Set(scheduler, holdings, chooser, requests.WaitingTokens);
        // Their order by use need not be true to the step.
        if (adapterChanges != adapters.Changes || (uses != adapters.Uses && options.Clock.GetElapsedTime(adaptersListed) > ListedFor))
        {
            adapterChanges = adapters.Changes;
            adaptersListed = options.Clock.GetTimestamp();
            Statistics.SetAdapters(adapters.Entries, options.Clock.GetUtcNow());
        }
        return events.All;
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

    /// <summary>Says that an adapter of some size is likely to be asked for: memory for it is touched in the background, a quarter of the cache's bytes and 512 MiB at most for all such.</summary>
    /// <param name="bytes">The bytes it will take; those of its files are near enough.</param>
    public void Expect(long bytes) => adapters.Expect(bytes);

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
        foreach (ActiveRequest request in requests.All)
        {
            events.EndAll(request, FinishReason.Cancelled, null);
        }
        requests.Clear();
        ForgetPrefixes();
        adapters.Dispose();
        pass.Dispose();
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
        events.Report();
        events.Clear();
    }

    /// <summary>Puts a request in the queue without a look at whether it is full.</summary>
    internal int Enter(GenerationRequest request)
    {
        ActiveRequest owner = requests.Add(request, request.EndIds ?? Model.Config.EndIds, check.Most(request), Tokenizer);
        Array.ForEach(owner.Choices, scheduler.Add);
        Statistics.SetWaiting(scheduler.Waiting, requests.WaitingTokens);
        return owner.Id;
    }

    private void RefuseWhereFull(GenerationRequest request)
    {
        string? full = scheduler.Waiting + request.Choices > options.MaxWaiting ? $"{scheduler.Waiting} answers wait; the queue holds {options.MaxWaiting}"
            : requests.WaitingTokens + request.PromptLength > options.MaxWaitingTokens ? $"{requests.WaitingTokens} prompt tokens wait; the queue holds {options.MaxWaitingTokens}"
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
            foreach (ActiveRequest request in requests.With(version))
            {
                events.EndAll(request, FinishReason.Failed, new AdapterLoadException(version, error));
            }
        }
    }
}
