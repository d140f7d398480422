using Lorikeet.Models;

namespace Lorikeet.Serving;

/// <summary>The one budget of keys, values and adapters, and what may be thrown out of it.</summary>
/// <param name="pool">The pool.</param>
/// <param name="policy">What goes first.</param>
internal sealed class Memory(PagePool pool, EvictionPolicy policy)
{
    private long idleBytes;

    /// <summary>The pool.</summary>
    public PagePool Pool { get; } = pool;

    /// <summary>The number of the present scheduling pass; what requests ahead have asked for in it stays.</summary>
    public long Pass { get; private set; }

    /// <summary>How often something was thrown out.</summary>
    public long Evictions { get; private set; }

    /// <summary>Bytes that could be thrown out.</summary>
    public long IdleBytes => Volatile.Read(ref idleBytes);

    /// <summary>Begins a scheduling pass: nothing is wanted yet.</summary>
    public void BeginPass() => Pass++;

    /// <summary>Takes in what nobody uses any more.</summary>
    public void Idle(Evictable item)
    {
        policy.Add(item);
        idleBytes = policy.Bytes;
    }

    /// <summary>Lets go of what is used again, or gone; nothing happens where it is not idle.</summary>
    public void Busy(Evictable item)
    {
        if (item.List is not null)
        {
            policy.Remove(item);
            idleBytes = policy.Bytes;
        }
    }

    /// <summary>Throws out what is idle, in the policy's order, until so many bytes are free. Where even all of it would not do, nothing is thrown out.</summary>
    /// <param name="bytes">Bytes wanted; 0 or less: there is room.</param>
    /// <returns>False: there is no room.</returns>
    public bool MakeRoom(long bytes)
    {
        if (bytes <= Pool.FreeBytes)
        {
            return true;
        }
        if (!IsEnough(bytes))
        {
            return false;
        }
        while (bytes > Pool.FreeBytes)
        {
            Evictable? victim = First(policy.First);
            if (victim is null)
            {
                // Blocks share pages: what they give back together may be less than the sum.
                return false;
            }
            Busy(victim);
            victim.Evict();
            Evictions++;
        }
        return true;
    }

    private bool IsEnough(long bytes)
    {
        long free = Pool.FreeBytes;
        for (Evictable? item = First(policy.First); item is not null && free < bytes; item = First(policy.Next(item)))
        {
            free += item.Bytes;
        }
        return free >= bytes;
    }

    private Evictable? First(Evictable? from)
    {
        while (from is not null && from.WantedInPass == Pass)
        {
            from = policy.Next(from);
        }
        return from;
    }
}
