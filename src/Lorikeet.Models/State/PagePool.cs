using Lorikeet.Tensors;

namespace Lorikeet.Models;

/// <summary>Pages of native memory under one budget. Freed pages are kept and given out again.</summary>
/// <param name="budgetBytes">The most bytes in use at once.</param>
/// <param name="poison">Fill freed pages with NaN, so that a read of a stale slot shows; for tests.</param>
public sealed unsafe class PagePool(long budgetBytes, bool poison = false) : IDisposable
{
    private readonly Dictionary<int, Stack<nint>> free = [];
    private readonly List<Storage> blocks = [];

    /// <summary>The most bytes in use at once.</summary>
    public long BudgetBytes { get; } = budgetBytes;

    /// <summary>Bytes in use.</summary>
    public long UsedBytes { get; private set; }

    /// <summary>Gives out a page; its content is undefined. Null: the budget is spent.</summary>
    /// <param name="floats">Its size.</param>
    public float* TryRent(int floats)
    {
        if (UsedBytes + (4L * floats) > BudgetBytes)
        {
            return null;
        }
        if (!free.TryGetValue(floats, out Stack<nint>? stack))
        {
            free[floats] = stack = new Stack<nint>();
        }
        if (!stack.TryPop(out nint page))
        {
            Storage block = new(4L * floats);
            blocks.Add(block);
            page = (nint)block.Pointer;
            Poison((float*)page, floats);
        }
        UsedBytes += 4L * floats;
        return (float*)page;
    }

    /// <summary>Takes a page back.</summary>
    /// <param name="page">The page.</param>
    /// <param name="floats">Its size.</param>
    public void Return(float* page, int floats)
    {
        Poison(page, floats);
        free[floats].Push((nint)page);
        UsedBytes -= 4L * floats;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (Storage block in blocks)
        {
            block.Dispose();
        }
        blocks.Clear();
        free.Clear();
    }

    private void Poison(float* page, int floats)
    {
        if (poison)
        {
            new Span<float>(page, floats).Fill(float.NaN);
        }
    }
}
