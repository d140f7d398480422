using Lorikeet.Models;

namespace Lorikeet.Serving;

/// <summary>An adapter that is in memory or on its way there.</summary>
/// <param name="cache">The cache.</param>
/// <param name="version">Which.</param>
/// <param name="bytes">What the pool was charged.</param>
internal sealed class AdapterEntry(AdapterCache cache, AdapterVersion version, long bytes) : Evictable
{
    private long bytes = bytes;

    public AdapterVersion Version { get; } = version;

    /// <summary>The adapter; null while it is read.</summary>
    public Adapter? Adapter { get; set; }

    /// <summary>Running sequences that use it.</summary>
    public int Users { get; set; }

    /// <summary>The engine's use of it that was last: the largest is the most recent.</summary>
    public long LastUse { get; set; }

    public override long Bytes => bytes;

    public void SetBytes(long charged) => bytes = charged;

    public override void Evict() => cache.Evict(this);
}
