namespace Lorikeet.Serving;

/// <summary>Limits of an engine.</summary>
public sealed record EngineOptions
{
    /// <summary>The most answers that are worked on at once; default 64.</summary>
    public int MaxSequences { get; init; } = 64;

    /// <summary>The most rows of one step; decode rows come first, prompts fill the rest in chunks. Default 512.</summary>
    public int MaxRows { get; init; } = 512;

    /// <summary>Bytes for keys and values of all sequences; default 1 GiB.</summary>
    public long CacheBytes { get; init; } = 1L << 30;

    /// <summary>Fill freed pages with NaN, so that a read of a stale slot shows; for tests.</summary>
    public bool PoisonFreedPages { get; init; }
}
