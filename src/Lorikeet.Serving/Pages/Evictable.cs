namespace Lorikeet.Serving;

/// <summary>Something that nobody uses at present and that is kept in case somebody will: an adapter, a block of keys and values.</summary>
internal abstract class Evictable
{
    /// <summary>Its neighbours in an <see cref="IdleList"/>.</summary>
    internal Evictable? Before { get; set; }

    /// <summary>Its neighbours in an <see cref="IdleList"/>.</summary>
    internal Evictable? After { get; set; }

    /// <summary>The list it is in; null: it is in use, or gone.</summary>
    internal IdleList? List { get; set; }

    /// <summary>The last scheduling pass in which a request ahead of all others asked for it: in that pass it stays.</summary>
    public long WantedInPass { get; set; } = -1;

    /// <summary>Bytes of the pool's budget that its eviction gives back, or, where others own parts too, may give back.</summary>
    public abstract long Bytes { get; }

    /// <summary>Gives its memory back; called when it has left its list.</summary>
    public abstract void Evict();
}
