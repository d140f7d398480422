namespace Lorikeet.Serving;

/// <summary>Items in the order in which they became idle; entering and leaving takes constant time and no memory.</summary>
internal sealed class IdleList
{
    /// <summary>The one that has been idle longest.</summary>
    public Evictable? First { get; private set; }

    private Evictable? last;

    /// <summary>Bytes of all.</summary>
    public long Bytes { get; private set; }

    public int Count { get; private set; }

    public void Add(Evictable item)
    {
        item.List = this;
        item.Before = last;
        item.After = null;
        if (last is null)
        {
            First = item;
        }
        else
        {
            last.After = item;
        }
        last = item;
        Bytes += item.Bytes;
        Count++;
    }

    public void Remove(Evictable item)
    {
        if (item.Before is null)
        {
            First = item.After;
        }
        else
        {
            item.Before.After = item.After;
        }
        if (item.After is null)
        {
            last = item.Before;
        }
        else
        {
            item.After.Before = item.Before;
        }
        (item.List, item.Before, item.After) = (null, null, null);
        Bytes -= item.Bytes;
        Count--;
    }
}
