namespace Lorikeet.Serving;

/// <summary>What an engine did to have one adapter in memory; read on any thread, counted by the engine's.</summary>
public sealed class AdapterFigures
{
    internal static readonly AdapterFigures None = new();

    private long loads;
    private long failures;
    private long evictions;
    private long loadTicks;
    private long bytes;

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

    internal void CountLoad(bool succeeded, TimeSpan took)
    {
        loads += succeeded ? 1 : 0;
        failures += succeeded ? 0 : 1;
        loadTicks += took.Ticks;
    }

    internal void CountEviction() => evictions++;

    internal void SetBytes(long now) => bytes = now;
}
