namespace Lorikeet.Serving;

/// <summary>Keys and values go before adapters, each in the order in which they became idle: for slow disks, where a prompt is computed sooner than an adapter is read.</summary>
internal sealed class PagesFirst : EvictionPolicy
{
    private readonly IdleList pages = new();
    private readonly IdleList adapters = new();

    public override long Bytes => pages.Bytes + adapters.Bytes;

    public override Evictable? First => pages.First ?? adapters.First;

    public override void Add(Evictable item) => (item is PrefixBlock ? pages : adapters).Add(item);

    public override Evictable? Next(Evictable item) => item.After ?? (item.List == pages ? adapters.First : null);
}
