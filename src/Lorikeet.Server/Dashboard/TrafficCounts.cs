namespace Lorikeet.Server;

/// <summary>Requests of one tenant with one adapter, as they go on; atomics only.</summary>
internal sealed class TrafficCounts(TimeProvider clock)
{
    private const int Values = 128;
    private long requests, waiting, running, prompt, generated, lastUse;

    public long Requests => Interlocked.Read(ref requests);

    /// <summary>Requests without an event of the engine so far.</summary>
    public long Waiting => Interlocked.Read(ref waiting);

    public long Running => Interlocked.Read(ref running);

    /// <summary>Prompt tokens of all requests.</summary>
    public long Prompt => Interlocked.Read(ref prompt);

    /// <summary>Generated tokens, those of unfinished answers included.</summary>
    public long Generated => Interlocked.Read(ref generated);

    /// <summary>When a request came last, in the clock's ticks.</summary>
    public long LastUse => Interlocked.Read(ref lastUse);

    /// <summary>Seconds to the first token, of the last requests.</summary>
    public RecentValues FirstToken { get; } = new(Values);

    /// <summary>Mean seconds between two tokens of an answer, of the last requests.</summary>
    public RecentValues PerToken { get; } = new(Values);

    /// <summary>Generated tokens by the second, which count from the clock's own zero.</summary>
    public RecentCount Recent { get; } = new();

    public Request Begin(long promptTokens)
    {
        Interlocked.Increment(ref requests);
        Interlocked.Increment(ref waiting);
        Interlocked.Add(ref prompt, promptTokens);
        Interlocked.Exchange(ref lastUse, clock.GetTimestamp());
        return new Request(this, clock.GetTimestamp());
    }

    /// <summary>One request; its events come from one thread at a time.</summary>
    internal sealed class Request(TrafficCounts counts, long arrived)
    {
        private bool started, answered, ended;

        /// <summary>The engine works on it.</summary>
        public void Start()
        {
            if (!started)
            {
                started = true;
                Interlocked.Decrement(ref counts.waiting);
                Interlocked.Increment(ref counts.running);
            }
        }

        /// <summary>A token came.</summary>
        public void Token(long now, TimeProvider clock)
        {
            Interlocked.Increment(ref counts.generated);
            counts.Recent.Add(now / clock.TimestampFrequency);
            if (!answered)
            {
                answered = true;
                counts.FirstToken.Add(clock.GetElapsedTime(arrived, now).TotalSeconds);
            }
        }

        /// <summary>An answer ended. The engine took its time: tokens may reach this side in bursts.</summary>
        public void Took(double perToken) => counts.PerToken.Add(perToken);

        public void End()
        {
            if (!ended)
            {
                ended = true;
                Interlocked.Decrement(ref (started ? ref counts.running : ref counts.waiting));
            }
        }
    }
}
