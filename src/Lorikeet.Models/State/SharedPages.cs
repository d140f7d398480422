namespace Lorikeet.Models;

/// <summary>The pages of one block of positions, in all slots, for several sequences with the same past to read.</summary>
/// <remarks>It is an owner of its pages of its own: they live as long as it does, whatever becomes of the sequence that computed them.</remarks>
public sealed unsafe class SharedPages : IDisposable
{
    private readonly PagePool pool;
    private readonly StateLayout layout;
    private readonly nint[] pages;
    private bool disposed;

    internal SharedPages(PagePool pool, StateLayout layout, nint[] pages)
    {
        this.pool = pool;
        this.layout = layout;
        this.pages = pages;
        ReadOnlySpan<StateSpec> slots = layout.Slots;
        for (int i = 0; i < slots.Length; i++)
        {
            if (pages[i] != 0)
            {
                pool.Share((float*)pages[i]);
                Bytes += (long)slots[i].PageFloats * sizeof(float);
                Count++;
            }
        }
    }

    /// <summary>Bytes of the pages.</summary>
    public long Bytes { get; }

    /// <summary>How many pages.</summary>
    public int Count { get; }

    /// <summary>The page of a slot; null where the slot keeps none.</summary>
    internal float* Page(int slot) => (float*)pages[slot];

    /// <summary>Gives the pages back.</summary>
    public void Dispose()
    {
        if (disposed)
        {
            return;
        }
        disposed = true;
        ReadOnlySpan<StateSpec> slots = layout.Slots;
        for (int i = 0; i < slots.Length; i++)
        {
            if (pages[i] != 0)
            {
                pool.Return((float*)pages[i], slots[i].PageFloats);
            }
        }
    }
}
