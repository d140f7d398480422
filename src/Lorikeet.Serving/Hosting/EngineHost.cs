using Lorikeet.Models;
using Lorikeet.Models.Text;

namespace Lorikeet.Serving;

/// <summary>An engine with a thread of its own: any number of callers hand in requests, and each reads its own events.</summary>
/// <remarks>One thread owns the engine and runs its steps; requests, cancellations and adapters' commands reach it through a queue, tokens leave through channels.</remarks>
public sealed class EngineHost : IDisposable
{
    private static readonly TimeSpan Nap = TimeSpan.FromMilliseconds(20);
    private readonly Engine engine;
    private readonly EngineOptions options;
    private readonly Thread worker;
    private readonly object gate = new();
    private readonly Queue<Action> commands = [];
    private readonly Dictionary<int, GenerationStream> open = [];
    private readonly List<Probe> probes = [];
    private int inFlight;
    private int arriving;
    private long arrivingTokens;
    private volatile bool draining;
    private bool closing;
    private bool stopped;

    /// <summary>Starts the thread.</summary>
    /// <param name="model">The model; the caller keeps it, and does not use it while the host lives.</param>
    /// <param name="tokenizer">Its tokenizer; null: token ids only.</param>
    /// <param name="options">The engine's limits; null: the defaults.</param>
    /// <exception cref="ArgumentException">A limit has a value it cannot have.</exception>
    public EngineHost(LanguageModel model, Tokenizer? tokenizer = null, EngineOptions? options = null)
    {
        this.options = options ?? new EngineOptions();
        engine = new Engine(model, this.options, tokenizer);
        engine.Adapters.Loaded = Wake;
        worker = new Thread(Work) { IsBackground = true, Name = "lorikeet engine" };
        worker.Start();
    }

    /// <summary>The model.</summary>
    public LanguageModel Model => engine.Model;

    /// <summary>The tokenizer, or null.</summary>
    public Tokenizer? Tokenizer => engine.Tokenizer;

    /// <summary>The engine's figures, read without waiting for it.</summary>
    public EngineStatistics Statistics => engine.Statistics;

    /// <summary>Requests that were handed in and have not ended.</summary>
    public int InFlight => Volatile.Read(ref inFlight);

    /// <summary>True while new requests are taken; false once draining or closing began.</summary>
    public bool IsAccepting => !draining;

    /// <summary>True: one more request would be refused; asked before anything costly is done for it.</summary>
    public bool IsFull => Statistics.Waiting + Volatile.Read(ref arriving) >= options.MaxWaiting
        || Statistics.WaitingTokens + Interlocked.Read(ref arrivingTokens) >= options.MaxWaitingTokens;

    /// <summary>The last error of a step; the requests it was for ended with it, the thread went on.</summary>
    public Exception? LastError { get; private set; }

    /// <summary>Hands in a request.</summary>
    /// <param name="request">The request.</param>
    /// <returns>Its events; the caller disposes them.</returns>
    /// <exception cref="ArgumentException">The request cannot be met; the message says why.</exception>
    /// <exception cref="EngineBusyException">The queue is full.</exception>
    /// <exception cref="ObjectDisposedException">The host is draining or closed.</exception>
    public GenerationStream Submit(GenerationRequest request)
    {
        engine.Check(request);
        int tokens = request.PromptLength;
        if (Statistics.Waiting + Interlocked.Add(ref arriving, request.Choices) > options.MaxWaiting
            | Statistics.WaitingTokens + Interlocked.Add(ref arrivingTokens, tokens) > options.MaxWaitingTokens)
        {
            Arrived(request);
            Statistics.CountRefusal();
            throw new EngineBusyException(
                $"{Statistics.Waiting} answers and {Statistics.WaitingTokens} prompt tokens wait; the queue holds {options.MaxWaiting} and {options.MaxWaitingTokens}: try again later");
        }
        GenerationStream stream = new(this, request);
        Interlocked.Increment(ref inFlight);
        try
        {
            Send(() => Begin(stream), alsoDraining: false);
        }
        catch (ObjectDisposedException)
        {
            Arrived(request);
            Interlocked.Decrement(ref inFlight);
            throw;
        }
        return stream;
    }

    /// <summary>Brings an adapter into memory, as a request would; the task ends when it is there and usable.</summary>
    /// <param name="version">The adapter.</param>
    /// <param name="stop">Stops waiting.</param>
    /// <exception cref="AdapterLoadException">
    /// It cannot be read, or does not fit; an <see cref="EngineBusyException"/> inside says that there is no room just now because all that is in memory is in use.
    /// </exception>
    public async Task LoadAsync(AdapterVersion version, CancellationToken stop = default)
    {
        ArgumentNullException.ThrowIfNull(version);
        Probe probe = new(version);
        Send(() => Begin(probe));
        await probe.Done.Task.WaitAsync(stop).ConfigureAwait(false);
    }

    /// <summary>Says that an adapter of some size is likely to be asked for: memory for it is touched in the background, a quarter of the cache's bytes and 512 MiB at most for all such.</summary>
    /// <param name="bytes">The bytes it will take; those of its files are near enough.</param>
    public Task ExpectAsync(long bytes) => Run(() => engine.Expect(bytes));

    /// <summary>Pins an adapter, or unpins it: a pinned one stays in memory from its next load on.</summary>
    /// <param name="version">The adapter.</param>
    /// <param name="pinned">Whether it stays.</param>
    public Task PinAsync(AdapterVersion version, bool pinned = true) => Run(() => engine.Pin(version, pinned));

    /// <summary>Says that no new request will ask for an adapter; its memory is free when the last request that is bound to it has ended.</summary>
    /// <param name="version">The adapter.</param>
    /// <returns>Ends when the engine knows, not when the memory is free: see <see cref="LeftAsync"/>.</returns>
    public Task RetireAsync(AdapterVersion version) => Run(() => engine.Retire(version));

    /// <summary>Waits until a retired adapter has left: the last request that is bound to it has ended, and its memory is free.</summary>
    /// <param name="version">The adapter.</param>
    /// <param name="stop">Stops waiting.</param>
    /// <exception cref="InvalidOperationException">It was not retired.</exception>
    public async Task LeftAsync(AdapterVersion version, CancellationToken stop = default)
    {
        ArgumentNullException.ThrowIfNull(version);
        Task left = Task.CompletedTask;
        await Run(() => left = engine.Adapters.Left(version)).ConfigureAwait(false);
        await left.WaitAsync(stop).ConfigureAwait(false);
    }

    /// <summary>Proves that nothing of the pool is lost or owned twice: what it gave out is what requests, adapters and kept prompts hold.</summary>
    /// <exception cref="InvalidOperationException">They differ; the message says where.</exception>
    public Task AuditAsync() => Run(engine.Audit);

    /// <summary>Forgets keys and values of past prompts: what remains in use belongs to requests that run.</summary>
    public Task ForgetPrefixesAsync() => Run(engine.ForgetPrefixes);

    /// <summary>Takes no new requests, and waits until those in flight have ended; what has not when the time is over is cancelled.</summary>
    /// <param name="grace">The time.</param>
    /// <param name="stop">Ends the time at once.</param>
    public async Task DrainAsync(TimeSpan grace, CancellationToken stop = default)
    {
        draining = true;
        using CancellationTokenSource over = CancellationTokenSource.CreateLinkedTokenSource(stop);
        over.CancelAfter(grace);
        Task[] all = [];
        await Run(() => all = [.. open.Values.Select(s => s.Gone.Task)]).ConfigureAwait(false);
        try
        {
            await Task.WhenAll(all).WaitAsync(over.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException)
        {
            await Run(() => open.Keys.ToList().ForEach(engine.Cancel)).ConfigureAwait(false);
            await Task.WhenAll(all).ConfigureAwait(false);
        }
    }

    /// <summary>Ends all requests and stops the thread.</summary>
    public void Dispose()
    {
        draining = true;
        lock (gate)
        {
            closing = true;
            Monitor.Pulse(gate);
        }
        worker.Join();
        engine.Dispose();
    }

    internal void Cancel(GenerationStream stream)
    {
        lock (gate)
        {
            if (!stopped && !stream.Gone.Task.IsCompleted)
            {
                commands.Enqueue(() => engine.Cancel(stream.Id));
                Monitor.Pulse(gate);
            }
        }
    }

    private void Arrived(GenerationRequest request)
    {
        Interlocked.Add(ref arriving, -request.Choices);
        Interlocked.Add(ref arrivingTokens, -request.PromptLength);
    }

    private async Task Run(Action work)
    {
        TaskCompletionSource done = new(TaskCreationOptions.RunContinuationsAsynchronously);
        Send(() =>
        {
            try
            {
                work();
                done.SetResult();
            }
#pragma warning disable CA1031 // Whatever is wrong with a command is its caller's matter.
            catch (Exception e)
#pragma warning restore CA1031
            {
                done.SetException(e);
            }
        });
        await done.Task.ConfigureAwait(false);
    }

    private void Send(Action command, bool alsoDraining = true)
    {
        lock (gate)
        {
            ObjectDisposedException.ThrowIf(closing || (draining && !alsoDraining), this);
            commands.Enqueue(command);
            Monitor.Pulse(gate);
        }
    }

    private void Wake()
    {
        lock (gate)
        {
            Monitor.Pulse(gate);
        }
    }

    private void Work()
    {
        while (Receive())
        {
            try
            {
                foreach (GenerationEvent next in engine.Step())
                {
                    Deliver(next);
                }
                probes.RemoveAll(IsDone);
            }
#pragma warning disable CA1031 // A step that fails ends the answers it was for, with its error; the thread goes on for others.
            catch (Exception e)
#pragma warning restore CA1031
            {
                LastError = e;
                EndAll(e);
            }
        }
        EndAll(new ObjectDisposedException(nameof(EngineHost)));
        lock (gate)
        {
            stopped = true;
            while (commands.TryDequeue(out Action? command))
            {
                command();
            }
        }
        EndAll(new ObjectDisposedException(nameof(EngineHost)));
    }

    /// <summary>Waits for something to do and does what was asked for; false: close.</summary>
    private bool Receive()
    {
        List<Action> received = [];
        lock (gate)
        {
            while (!closing && commands.Count == 0 && !engine.HasWork && probes.Count == 0)
            {
                Monitor.Wait(gate);
            }
            if (!closing && commands.Count == 0 && (engine.HasWork ? engine.OnlyWaits : !engine.Adapters.HasLoaded))
            {
                // Adapters are being read: each that is there wakes the thread. Deadlines are looked after meanwhile.
                Monitor.Wait(gate, Nap);
            }
            if (closing)
            {
                return false;
            }
            while (commands.TryDequeue(out Action? command))
            {
                received.Add(command);
            }
        }
        received.ForEach(command => command());
        return true;
    }

    private void Begin(GenerationStream stream)
    {
        try
        {
            stream.Id = engine.Enter(stream.Request);
            open.Add(stream.Id, stream);
        }
#pragma warning disable CA1031 // Whatever is wrong with a request is its caller's matter; the thread goes on for others.
        catch (Exception e)
#pragma warning restore CA1031
        {
            End(stream, e);
        }
        // Counted twice for a moment rather than not at all.
        Arrived(stream.Request);
    }

    private void Begin(Probe probe)
    {
        if (!IsDone(probe))
        {
            probes.Add(probe);
        }
    }

    private bool IsDone(Probe probe)
    {
        AdapterWish wish = engine.Bring(probe.Version, ref probe.Failures, out Exception? error);
        if (wish == AdapterWish.NoRoom)
        {
            error = new EngineBusyException("there is no room for it: all that is in memory is in use; try again later");
            wish = AdapterWish.Failed;
        }
        if (wish == AdapterWish.Ready)
        {
            probe.Done.TrySetResult();
        }
        else if (wish == AdapterWish.Failed)
        {
            probe.Done.TrySetException(new AdapterLoadException(probe.Version, error!));
        }
        return wish is AdapterWish.Ready or AdapterWish.Failed;
    }

    private void Deliver(in GenerationEvent next)
    {
        GenerationStream stream = open[next.Id];
        stream.Write(next);
        if (next.Finish != FinishReason.None && --stream.Open == 0)
        {
            open.Remove(next.Id);
            End(stream, null);
        }
    }

    private void End(GenerationStream stream, Exception? error)
    {
        Interlocked.Decrement(ref inFlight);
        stream.Close(error);
    }

    private void EndAll(Exception error)
    {
        foreach ((int id, GenerationStream stream) in open)
        {
            engine.Cancel(id);
            End(stream, error);
        }
        open.Clear();
        foreach (Probe probe in probes)
        {
            probe.Done.TrySetException(error);
        }
        probes.Clear();
        // What was cancelled says so to nobody.
        engine.Forget();
    }

    private sealed class Probe(AdapterVersion version)
    {
        public AdapterVersion Version { get; } = version;

        /// <summary>Loads that had failed before; -1: it has not been asked for yet.</summary>
#pragma warning disable CA1051, SA1401 // Passed by reference.
        public long Failures = -1;
#pragma warning restore CA1051, SA1401

        public TaskCompletionSource Done { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);
    }
}
