using Lorikeet.Serving;

namespace Lorikeet.Server;

/// <summary>Lets requests in while there is room: bounded by requests that wait, their prompt tokens, and the caller's own limits; nothing is let in while the server drains.</summary>
internal sealed class Admission(ServerLimits limits, RateLimits rates, ServerMetrics metrics, TimeProvider clock) : IDisposable
{
    private readonly ServerLimits limits = limits;
    private readonly RateLimits rates = rates;
    private readonly ServerMetrics metrics = metrics;
    private readonly TimeProvider clock = clock;
    private readonly System.Collections.Concurrent.ConcurrentDictionary<(string Tenant, string Name), int> users = [];
    private readonly CancellationTokenSource ending = new();
    private TaskCompletionSource left = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private int watchers;
    private long waiting;
    private long waitingTokens;
    private long inFlight;
    private long vectorBytes;
    private long averageTicks = TimeSpan.FromSeconds(1).Ticks;
    private volatile bool draining;
    private volatile bool ready;

    /// <summary>Whether requests are accepted.</summary>
    public bool IsOpen => ready && !draining;

    /// <summary>Requests that are worked on or wait.</summary>
    public long InFlight => Interlocked.Read(ref inFlight);

    /// <summary>Requests that wait for their first step.</summary>
    public long Waiting => Interlocked.Read(ref waiting);

    /// <summary>Bytes of the vectors that requests brought as their prompts.</summary>
    public long VectorBytes => Interlocked.Read(ref vectorBytes);

    /// <summary>Ends requests that outlive the drain.</summary>
    public CancellationToken Ending => ending.Token;

    /// <summary>Requests are accepted from now on.</summary>
    public void Open() => ready = true;

    /// <summary>No new requests; those that run may finish.</summary>
    /// <param name="grace">How long.</param>
    public async Task DrainAsync(TimeSpan grace)
    {
        draining = true;
        long end = clock.GetTimestamp() + (long)(grace.TotalSeconds * clock.TimestampFrequency);
        while (InFlight > 0 && clock.GetTimestamp() < end)
        {
            await Task.Delay(TimeSpan.FromMilliseconds(20), clock);
        }
        await ending.CancelAsync();
    }

    /// <summary>Lets a request in; before its body is read, rendered or tokenised.</summary>
    /// <exception cref="ApiException">503 or 429.</exception>
    public Ticket Enter(Caller caller)
    {
        if (!IsOpen)
        {
            metrics.Rejected("draining");
            throw ApiException.Unavailable("service_unavailable", draining ? "the server is stopping" : "the server is starting");
        }
        if (Interlocked.Increment(ref waiting) > limits.QueueRequests || Interlocked.Read(ref waitingTokens) >= limits.QueueTokens)
        {
            Interlocked.Decrement(ref waiting);
            metrics.Rejected("queue_full");
            throw ApiException.Busy("server_overloaded", "the queue is full; come back later", ExpectedWait);
        }
        IDisposable lease;
        try
        {
            lease = rates.Enter(caller);
        }
        catch
        {
            Interlocked.Decrement(ref waiting);
            throw;
        }
        Interlocked.Increment(ref inFlight);
        return new Ticket(this, caller, lease);
    }

    public void Dispose() => ending.Dispose();

    /// <summary>Seconds until the queue is likely to have moved on.</summary>
    public double ExpectedWait => Math.Clamp(Waiting * TimeSpan.FromTicks(Interlocked.Read(ref averageTicks)).TotalSeconds / 4, 1, 60);

    /// <summary>Requests that use an adapter now.</summary>
    public int Using(string tenant, string name) => users.GetValueOrDefault((tenant, name));

    /// <summary>Waits until no request uses an adapter.</summary>
    public async Task IdleAsync(string tenant, string name, CancellationToken stop)
    {
        Interlocked.Increment(ref watchers);
        try
        {
            // The signal is taken before the look: what ends between the two is seen by one of them.
            for (Task next = Volatile.Read(ref left).Task; Using(tenant, name) > 0; next = Volatile.Read(ref left).Task)
            {
                await next.WaitAsync(stop);
            }
        }
        finally
        {
            Interlocked.Decrement(ref watchers);
        }
    }

    private void Count(AdapterBinding binding, int by)
    {
        foreach (BoundAdapter adapter in binding.Entries)
        {
            (string, string) key = (adapter.Tenant, adapter.Name);
            if (users.AddOrUpdate(key, by, (_, count) => count + by) == 0)
            {
                users.TryRemove(new KeyValuePair<(string Tenant, string Name), int>(key, 0));
                if (Volatile.Read(ref watchers) > 0)
                {
                    Interlocked.Exchange(ref left, new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously)).TrySetResult();
                }
            }
        }
    }

    /// <summary>A request that was let in; disposed when it has ended.</summary>
    internal sealed class Ticket(Admission owner, Caller caller, IDisposable lease) : IDisposable
    {
        private readonly long arrived = owner.clock.GetTimestamp();
        private long tokens;
        private long vectors;
        private AdapterBinding binding = AdapterBinding.Base;
        private bool started;
        private bool ended;

        public Caller Caller => caller;

        /// <summary>Seconds since arrival.</summary>
        public double Elapsed => owner.clock.GetElapsedTime(arrived).TotalSeconds;

        /// <summary>Counts the prompt: against the queue's tokens and the caller's.</summary>
        public void Charge(long prompt)
        {
            owner.rates.Charge(caller, prompt);
            tokens += prompt;
            if (Interlocked.Add(ref owner.waitingTokens, prompt) > owner.limits.QueueTokens && Interlocked.Read(ref owner.waiting) > 1)
            {
                owner.metrics.Rejected("queue_full");
                throw ApiException.Busy("server_overloaded", "the queue has too many prompt tokens; come back later", owner.ExpectedWait);
            }
        }

        /// <summary>Counts the vectors that the request brings, before they are decoded; they are let go with it.</summary>
        /// <exception cref="ApiException">429: others hold too many.</exception>
        public void Hold(long bytes)
        {
            vectors += bytes;
            if (Interlocked.Add(ref owner.vectorBytes, bytes) > owner.limits.VectorBytes)
            {
                owner.metrics.Rejected("queue_full");
                throw ApiException.Busy("server_overloaded", "too many prompts of vectors are worked on; come back later", owner.ExpectedWait);
            }
        }

        /// <summary>The request uses adapters until it ends.</summary>
        public void Use(AdapterBinding adapters)
        {
            binding = adapters;
            owner.Count(adapters, 1);
        }

        /// <summary>Counts generated tokens against the caller's.</summary>
        public void Generated(long count) => owner.rates.Spend(caller, count);

        /// <summary>The request runs: it does not wait any more.</summary>
        public void Start()
        {
            if (!started)
            {
                started = true;
                Interlocked.Decrement(ref owner.waiting);
                Interlocked.Add(ref owner.waitingTokens, -tokens);
            }
        }

        /// <summary>The engine is done with it: its key may send the next one, even before the last byte of this answer has left.</summary>
        public void Leave() => lease.Dispose();

        public void Dispose()
        {
            if (ended)
            {
                return;
            }
            ended = true;
            Start();
            lease.Dispose();
            owner.Count(binding, -1);
            Interlocked.Add(ref owner.vectorBytes, -vectors);
            Interlocked.Decrement(ref owner.inFlight);
            long took = owner.clock.GetElapsedTime(arrived).Ticks;
            long average = Interlocked.Read(ref owner.averageTicks);
            Interlocked.Exchange(ref owner.averageTicks, average + ((took - average) / 8));
        }
    }
}
