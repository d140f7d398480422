namespace Lorikeet.Serving;

/// <summary>What has been idle longest goes first, be it an adapter or keys and values.</summary>
internal sealed class LeastRecentlyUsed : EvictionPolicy
{
    private readonly IdleList idle = new();

    public override long Bytes => idle.Bytes;

    public override Evictable? First => idle.First;

    public override void Add(Evictable item) => idle.Add(item);

    public override Evictable? Next(Evictable item) => item.After;
}
