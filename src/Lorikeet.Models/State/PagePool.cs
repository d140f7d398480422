using Lorikeet.Tensors;

namespace Lorikeet.Models;

/// <summary>Memory under one budget: pages of keys and values that it gives out, and the bytes that adapters hold elsewhere.</summary>
/// <remarks>
/// Pages given back are kept and given out again, or freed where the budget is needed for something else. A page may have several owners; it comes
/// back with the last of them. One thread uses a pool at a time. Source of one pool for keys, values and adapters: Sheng et al., arXiv 2311.03285
/// (unified paging).
/// </remarks>
/// <param name="budgetBytes">The most bytes held at once, in use or kept.</param>
/// <param name="poison">Fill freed pages with NaN, so that a read of a stale slot shows; for tests.</param>
public sealed unsafe class PagePool(long budgetBytes, bool poison = false) : IDisposable
{
    private readonly Dictionary<int, Stack<Page>> free = [];
    private readonly Dictionary<nint, Page> used = [];

    /// <summary>The most bytes held at once.</summary>
    public long BudgetBytes { get; } = budgetBytes;

    /// <summary>Bytes of pages in use; a page counts once however many own it.</summary>
    public long PageBytes { get; private set; }

    /// <summary>Bytes that were charged for what lies outside the pages: adapters.</summary>
    public long ChargedBytes { get; private set; }

    /// <summary>Bytes in use: pages and charges.</summary>
    public long UsedBytes => PageBytes + ChargedBytes;

    /// <summary>Bytes of the budget that are not in use.</summary>
    public long FreeBytes => BudgetBytes - UsedBytes;

    /// <summary>Bytes taken from the system: in use, or kept for the next request.</summary>
    public long HeldBytes { get; private set; }

    /// <summary>Pages in use.</summary>
    public int UsedPages => used.Count;

    /// <summary>Pages kept for the next request.</summary>
    public int KeptPages => free.Values.Sum(stack => stack.Count);

    /// <summary>Owners of all pages in use: as many as calls of <see cref="Return"/> are still to come.</summary>
    public long Owners
    {
        get
        {
            long owners = 0;
            foreach (Page page in used.Values)
            {
                owners += page.Owners;
            }
            return owners;
        }
    }

    /// <summary>Gives out a page; its content is undefined. Null: the budget is spent.</summary>
    /// <param name="floats">Its size.</param>
    public float* TryRent(int floats)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(floats);
        long bytes = (long)sizeof(float) * floats;
        if (bytes > FreeBytes)
        {
            return null;
        }
        Stack<Page> kept = Kept(floats);
        if (!kept.TryPop(out Page? page))
        {
            MakeRoom(bytes);
            page = new Page(new Storage(bytes));
            HeldBytes += bytes;
            Poison(page);
        }
        page.Owners = 1;
        used.Add((nint)page.Memory.Pointer, page);
        // Room for all of them to come back: a step that gives a window's pages back allocates nothing.
        kept.EnsureCapacity(used.Count);
        PageBytes += bytes;
        return (float*)page.Memory.Pointer;
    }

    /// <summary>Gives a page in use one more owner.</summary>
    /// <param name="page">The page.</param>
    /// <exception cref="ArgumentException">It is no page of this pool in use.</exception>
    public void Share(float* page) => Find(page).Owners++;

    /// <summary>Takes a page back from one owner.</summary>
    /// <param name="page">The page.</param>
    /// <param name="floats">Its size.</param>
    /// <exception cref="ArgumentException">It is no page of this pool in use, or has another size.</exception>
    public void Return(float* page, int floats)
    {
        Page found = Find(page);
        if (found.Memory.Bytes != (long)sizeof(float) * floats)
        {
            throw new ArgumentException($"a page of {found.Memory.Bytes / sizeof(float)} floats was given back as one of {floats}", nameof(page));
        }
        if (--found.Owners > 0)
        {
            return;
        }
        used.Remove((nint)page);
        Poison(found);
        Kept(floats).Push(found);
        PageBytes -= found.Memory.Bytes;
    }

    /// <summary>Charges the budget with memory that lies elsewhere.</summary>
    /// <param name="bytes">Its size.</param>
    /// <returns>False: the budget is spent; nothing was charged.</returns>
    public bool TryCharge(long bytes)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(bytes);
        if (bytes > FreeBytes)
        {
            return false;
        }
        MakeRoom(bytes);
        ChargedBytes += bytes;
        HeldBytes += bytes;
        return true;
    }

    /// <summary>Takes a charge back.</summary>
    /// <param name="bytes">Its size.</param>
    /// <exception cref="ArgumentException">So much was not charged.</exception>
    public void Discharge(long bytes)
    {
        if (bytes < 0 || bytes > ChargedBytes)
        {
            throw new ArgumentException($"{bytes} bytes were given back of {ChargedBytes} charged", nameof(bytes));
        }
        ChargedBytes -= bytes;
        HeldBytes -= bytes;
    }

    /// <summary>A page in use will hold other positions, so that what it held must not be read; false: others own it too, and it stays as it is.</summary>
    /// <param name="page">The page.</param>
    internal bool TryReuse(float* page)
    {
        Page found = Find(page);
        if (found.Owners > 1)
        {
            return false;
        }
        Poison(found);
        return true;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (Page page in used.Values.Concat(free.Values.SelectMany(stack => stack)))
        {
            page.Memory.Dispose();
        }
        used.Clear();
        free.Clear();
        (PageBytes, ChargedBytes, HeldBytes) = (0, 0, 0);
    }

    private Page Find(float* page) => used.TryGetValue((nint)page, out Page? found)
        ? found
        : throw new ArgumentException("a page was named that this pool has not given out", nameof(page));

    private Stack<Page> Kept(int floats)
    {
        if (!free.TryGetValue(floats, out Stack<Page>? stack))
        {
            free[floats] = stack = new Stack<Page>();
        }
        return stack;
    }

    /// <summary>Frees kept pages until the budget holds so many bytes more.</summary>
    private void MakeRoom(long bytes)
    {
        foreach (Stack<Page> stack in free.Values)
        {
            while (bytes > BudgetBytes - HeldBytes && stack.TryPop(out Page? page))
            {
                HeldBytes -= page.Memory.Bytes;
                page.Memory.Dispose();
            }
        }
    }

    private void Poison(Page page)
    {
        if (poison)
        {
            new Span<float>(page.Memory.Pointer, (int)(page.Memory.Bytes / sizeof(float))).Fill(float.NaN);
        }
    }

    private sealed class Page(Storage memory)
    {
        public Storage Memory { get; } = memory;

        public int Owners { get; set; }
    }
}
