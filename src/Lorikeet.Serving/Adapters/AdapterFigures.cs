namespace Lorikeet.Serving;

/// <summary>What was done with one adapter; read on any thread, counted by the engine's.</summary>
public sealed class AdapterFigures
{
    internal static readonly AdapterFigures None = new();

    private long requests;
    private long promptTokens;
    private long cachedTokens;
    private long generatedTokens;
    private long loads;
    private long failures;
    private long evictions;
    private long loadTicks;
    private long bytes;

    /// <summary>Requests that ended.</summary>
    public long Requests => Volatile.Read(ref requests);

    /// <summary>Tokens of their prompts.</summary>
    public long PromptTokens => Volatile.Read(ref promptTokens);

    /// <summary>Tokens of their prompts whose keys and values were there already.</summary>
    public long CachedTokens => Volatile.Read(ref cachedTokens);

    /// <summary>Tokens of their answers.</summary>
    public long GeneratedTokens => Volatile.Read(ref generatedTokens);

    /// <summary>How often it was read.</summary>
    public long Loads => Volatile.Read(ref loads);

    /// <summary>How often reading it failed.</summary>
    public long LoadFailures => Volatile.Read(ref failures);

    /// <summary>How often it was thrown out for room.</summary>
    public long Evictions => Volatile.Read(ref evictions);

    /// <summary>How long all its loads took together.</summary>
    public TimeSpan LoadTime => new(Volatile.Read(ref loadTicks));

    /// <summary>Bytes that it takes at present; 0: it is not in memory.</summary>
    public long Bytes => Volatile.Read(ref bytes);

    internal void CountRequest(long prompt, long cached, long generated)
    {
        requests++;
        promptTokens += prompt;
        cachedTokens += cached;
        generatedTokens += generated;
    }

    internal void CountLoad(bool succeeded, TimeSpan took)
    {
        loads += succeeded ? 1 : 0;
        failures += succeeded ? 0 : 1;
        loadTicks += took.Ticks;
    }

    internal void CountEviction() => evictions++;

    internal void SetBytes(long now) => bytes = now;
}
