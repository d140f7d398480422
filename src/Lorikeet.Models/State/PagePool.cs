using Lorikeet.Tensors;

namespace Lorikeet.Models;

/// <summary>Pages of native memory under one budget. Pages given back are kept and given out again, or freed where pages of another size need the room.</summary>
/// <remarks>One thread uses it at a time. Source of one pool for keys, values and adapters: Sheng et al., arXiv 2311.03285 (unified paging).</remarks>
/// <param name="budgetBytes">The most bytes held at once, in use or kept.</param>
/// <param name="poison">Fill freed pages with NaN, so that a read of a stale slot shows; for tests.</param>
public sealed unsafe class PagePool(long budgetBytes, bool poison = false) : IDisposable
{
    private readonly Dictionary<int, Stack<Storage>> free = [];
    private readonly Dictionary<nint, Storage> used = [];

    /// <summary>The most bytes held at once.</summary>
    public long BudgetBytes { get; } = budgetBytes;

    /// <summary>Bytes in use.</summary>
    public long UsedBytes { get; private set; }

    /// <summary>Bytes taken from the system: in use, or kept for the next request.</summary>
    public long HeldBytes { get; private set; }

    /// <summary>Gives out a page; its content is undefined. Null: the budget is spent.</summary>
    /// <param name="floats">Its size.</param>
    public float* TryRent(int floats)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(floats);
        long bytes = (long)sizeof(float) * floats;
        if (bytes > BudgetBytes - UsedBytes)
        {
            return null;
        }
        Stack<Storage> kept = Kept(floats);
        if (!kept.TryPop(out Storage? page))
        {
            MakeRoom(bytes);
            page = new Storage(bytes);
            HeldBytes += bytes;
            Poison(page, floats);
        }
        used.Add((nint)page.Pointer, page);
        // Room for all of them to come back: a step that gives a window's pages back allocates nothing.
        kept.EnsureCapacity(used.Count);
        UsedBytes += bytes;
        return (float*)page.Pointer;
    }

    /// <summary>Takes a page back.</summary>
    /// <param name="page">The page.</param>
    /// <param name="floats">Its size.</param>
    /// <exception cref="ArgumentException">It is no page of this pool in use, or has another size.</exception>
    public void Return(float* page, int floats)
    {
        if (!used.TryGetValue((nint)page, out Storage? storage) || storage.Bytes != (long)sizeof(float) * floats)
        {
            throw new ArgumentException($"a page of {floats} floats was given back that this pool has not given out", nameof(page));
        }
        used.Remove((nint)page);
        Poison(storage, floats);
        Kept(floats).Push(storage);
        UsedBytes -= storage.Bytes;
    }

    /// <summary>A page in use will hold other positions: what it held must not be read.</summary>
    /// <param name="page">The page.</param>
    internal void Reuse(float* page)
    {
        Storage storage = used[(nint)page];
        Poison(storage, (int)(storage.Bytes / sizeof(float)));
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (Storage page in used.Values.Concat(free.Values.SelectMany(stack => stack)))
        {
            page.Dispose();
        }
        used.Clear();
        free.Clear();
        (UsedBytes, HeldBytes) = (0, 0);
    }

    private Stack<Storage> Kept(int floats)
    {
        if (!free.TryGetValue(floats, out Stack<Storage>? stack))
        {
            free[floats] = stack = new Stack<Storage>();
        }
        return stack;
    }

    /// <summary>Frees kept pages of other sizes until the budget holds one more of this.</summary>
    private void MakeRoom(long bytes)
    {
        foreach (Stack<Storage> stack in free.Values)
        {
            while (bytes > BudgetBytes - HeldBytes && stack.TryPop(out Storage? page))
            {
                HeldBytes -= page.Bytes;
                page.Dispose();
            }
        }
    }

    private void Poison(Storage page, int floats)
    {
        if (poison)
        {
            new Span<float>(page.Pointer, floats).Fill(float.NaN);
        }
    }
}
