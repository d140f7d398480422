using System.Runtime.InteropServices;
using Lorikeet.Kernels;
using Lorikeet.Tensors;

namespace Lorikeet.Models;

/// <summary>What the parts of a model remember of one sequence: pages of keys and values, recurrent state.</summary>
/// <remarks>
/// Slot i is block i's mixer; the slot after the last block is the side network's. A slot whose mixer sees a window keeps the pages of that
/// window: those before it are given back, or hold the positions to come, as soon as no later row can see them.
/// </remarks>
public sealed unsafe class SequenceState : IDisposable
{
    /// <summary>Positions in a page; pages are aligned to absolute positions.</summary>
    public const int PageTokens = Attention.Tile;

    private readonly PagePool pool;
    private readonly StateLayout layout;
    private readonly float**[] pages;
    private readonly Tensor[] fixedState;
    // The pages of slot i are first[i] to end[i] - 1.
    private readonly int[] first;
    private readonly int[] end;
    private readonly int[] before;
    private int pageCapacity;

    /// <summary>The state of a new sequence.</summary>
    /// <param name="pool">Where pages come from.</param>
    /// <param name="model">The model.</param>
    /// <param name="adapter">The adapter the sequence runs with, whose mixers and side network may remember other things.</param>
    public SequenceState(PagePool pool, LanguageModel model, Adapter? adapter = null)
        : this(pool, new StateLayout(model, adapter))
    {
    }

    /// <summary>The state of a new sequence.</summary>
    /// <param name="pool">Where pages come from.</param>
    /// <param name="layout">What it holds.</param>
    public SequenceState(PagePool pool, StateLayout layout)
    {
        ArgumentNullException.ThrowIfNull(layout);
        this.pool = pool;
        this.layout = layout;
        ReadOnlySpan<StateSpec> slots = layout.Slots;
        pages = new float**[slots.Length];
        fixedState = new Tensor[slots.Length];
        first = new int[slots.Length];
        end = new int[slots.Length];
        before = new int[slots.Length];
        for (int i = 0; i < slots.Length; i++)
        {
            if (slots[i].FixedFloats > 0)
            {
                fixedState[i] = Storage.Zeros(new Shape(slots[i].FixedFloats));
            }
        }
    }

    /// <summary>Positions remembered.</summary>
    public int Length { get; private set; }

    /// <summary>The length that the present rows lead to, as far as was said by <see cref="Reserve"/>: a prompt's, while its chunks run.</summary>
    public int Planned { get; private set; }

    /// <summary>Positions that the pages taken have room for.</summary>
    public int Reserved
    {
        get
        {
            int pagesEnd = int.MaxValue / PageTokens;
            ReadOnlySpan<StateSpec> slots = layout.Slots;
            for (int i = 0; i < slots.Length; i++)
            {
                pagesEnd = slots[i].PageFloats > 0 ? Math.Min(pagesEnd, end[i]) : pagesEnd;
            }
            return pagesEnd * PageTokens;
        }
    }

    /// <summary>Pages that it owns, alone or with others.</summary>
    public int PageCount
    {
        get
        {
            int count = 0;
            for (int i = 0; i < end.Length; i++)
            {
                count += end[i] - first[i];
            }
            return count;
        }
    }

    /// <summary>The first block of positions that a slot still keeps pages of.</summary>
    public int FirstBlock
    {
        get
        {
            int block = int.MaxValue;
            ReadOnlySpan<StateSpec> slots = layout.Slots;
            for (int i = 0; i < slots.Length; i++)
            {
                block = slots[i].PageFloats > 0 ? Math.Min(block, first[i]) : block;
            }
            return block == int.MaxValue ? 0 : block;
        }
    }

    /// <summary>Takes pages for more positions; called before the step that fills them.</summary>
    /// <param name="positions">New positions.</param>
    /// <param name="rows">The most of them that one step brings: what a window needs depends on it.</param>
    /// <exception cref="OutOfPagesException">The pool's budget is spent; nothing was taken.</exception>
    /// <exception cref="InvalidOperationException">What is stored does not hold for the new length: see <see cref="IsStale"/>.</exception>
    public void Reserve(int positions, int rows = int.MaxValue)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(positions);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(rows);
        int planned = checked(Length + positions);
        if (IsStale(planned))
        {
            throw new InvalidOperationException(
                $"the sequence grows from {Length} to {planned} positions; beyond {layout.RestartBeyond} the model turns all keys by other angles: call Restart and bring all tokens again");
        }
        int needed = StateLayout.Pages(planned);
        Grow(needed);
        end.CopyTo(before, 0);
        ReadOnlySpan<StateSpec> slots = layout.Slots;
        for (int i = 0; i < slots.Length; i++)
        {
            for (int until = slots[i].PageFloats > 0 ? StateLayout.Needed(slots[i], first[i], needed, rows) : 0; end[i] < until; end[i]++)
            {
                if ((pages[i][end[i]] = pool.TryRent(slots[i].PageFloats)) is null)
                {
                    ReturnFrom(before);
                    throw new OutOfPagesException(pool);
                }
            }
        }
        Planned = Math.Max(Planned, planned);
    }

    /// <summary>Bytes that <see cref="Reserve"/> would take from the pool.</summary>
    /// <param name="positions">New positions.</param>
    /// <param name="rows">The most of them that one step brings.</param>
    public long Missing(int positions, int rows)
    {
        long bytes = 0;
        int needed = StateLayout.Pages((long)Length + positions);
        ReadOnlySpan<StateSpec> slots = layout.Slots;
        for (int i = 0; i < slots.Length; i++)
        {
            bytes += Math.Max(0L, StateLayout.Needed(slots[i], first[i], needed, rows) - end[i]) * slots[i].PageFloats * sizeof(float);
        }
        return bytes;
    }

    /// <summary>True where what is stored was computed for short sequences and does not hold at a length: the sequence must run again from its start.</summary>
    /// <param name="length">The length that the sequence is to reach.</param>
    public bool IsStale(int length) => Length > 0 && layout.RestartBeyond is > 0 and int most && Planned <= most && length > most;

    /// <summary>Counts positions that a step has filled; pages that no later row sees are given back.</summary>
    /// <param name="positions">How many.</param>
    public void Append(int positions)
    {
        Length += positions;
        int planned = StateLayout.Pages(Planned);
        ReadOnlySpan<StateSpec> slots = layout.Slots;
        for (int i = 0; i < slots.Length; i++)
        {
            int seen = slots[i].Window == 0 ? 0 : Math.Max(0, Length - slots[i].Window + 1) / PageTokens;
            for (; first[i] < Math.Min(seen, end[i]); first[i]++)
            {
                float* page = pages[i][first[i]];
                pages[i][first[i]] = null;
                if (end[i] < planned && pool.TryReuse(page))
                {
                    pages[i][end[i]++] = page;
                }
                else
                {
                    pool.Return(page, slots[i].PageFloats);
                }
            }
        }
    }

    /// <summary>Lends the pages of a block of positions that is filled, or that the present step fills.</summary>
    /// <param name="block">Which: positions 32 block to 32 block + 31.</param>
    /// <returns>Null: a slot's window has passed the block, or the sequence remembers what is in no page.</returns>
    public SharedPages? Lend(int block)
    {
        ReadOnlySpan<StateSpec> slots = layout.Slots;
        for (int i = 0; i < slots.Length; i++)
        {
            if (slots[i].FixedFloats > 0 || (slots[i].PageFloats > 0 && (block < first[i] || block >= end[i])))
            {
                return null;
            }
        }
        nint[] own = new nint[slots.Length];
        for (int i = 0; i < slots.Length; i++)
        {
            own[i] = slots[i].PageFloats > 0 ? (nint)pages[i][block] : 0;
        }
        return new SharedPages(pool, layout, own);
    }

    /// <summary>Goes on by a block that another sequence computed for the same tokens; both read the same pages.</summary>
    /// <param name="block">The block that follows; as many whole blocks must be remembered as lie before it.</param>
    /// <param name="planned">The length that the sequence is to reach: what was computed for short sequences may not hold for long ones.</param>
    public void Adopt(SharedPages block, int planned)
    {
        ArgumentNullException.ThrowIfNull(block);
        int page = Length / PageTokens;
        if (Length % PageTokens != 0)
        {
            throw new InvalidOperationException($"the sequence remembers {Length} positions; a shared block follows whole blocks of {PageTokens}");
        }
        Grow(page + 1);
        ReadOnlySpan<StateSpec> slots = layout.Slots;
        for (int i = 0; i < slots.Length; i++)
        {
            if (slots[i].PageFloats > 0)
            {
                if (end[i] != page || block.Page(i) is null)
                {
                    throw new InvalidOperationException($"slot {i} has pages up to {end[i]}; a shared block is taken before others are reserved");
                }
                pool.Share(block.Page(i));
                pages[i][end[i]++] = block.Page(i);
            }
        }
        Planned = Math.Max(Planned, Math.Max(planned, Length + PageTokens));
        Append(PageTokens);
    }

    /// <summary>Takes the pages of a lent block in the place of its own equal ones, which are given back.</summary>
    /// <param name="block">Which block.</param>
    /// <param name="equal">The same positions of the same tokens.</param>
    public void Exchange(int block, SharedPages equal)
    {
        ArgumentNullException.ThrowIfNull(equal);
        ReadOnlySpan<StateSpec> slots = layout.Slots;
        for (int i = 0; i < slots.Length; i++)
        {
            float* other = equal.Page(i);
            if (slots[i].PageFloats == 0 || block < first[i] || block >= end[i] || other is null || other == pages[i][block])
            {
                continue;
            }
            pool.Share(other);
            pool.Return(pages[i][block], slots[i].PageFloats);
            pages[i][block] = other;
        }
    }

    /// <summary>A second sequence with the same past, in pages of its own.</summary>
    /// <exception cref="OutOfPagesException">The pool's budget is spent; nothing was taken.</exception>
    public SequenceState Fork()
    {
        SequenceState fork = new(pool, layout) { Length = Length, Planned = Length };
        first.CopyTo(fork.first, 0);
        first.CopyTo(fork.end, 0);
        try
        {
            fork.Reserve(0);
        }
        catch
        {
            fork.Dispose();
            throw;
        }
        ReadOnlySpan<StateSpec> slots = layout.Slots;
        for (int i = 0; i < slots.Length; i++)
        {
            for (int page = fork.first[i]; page < fork.end[i]; page++)
            {
                new ReadOnlySpan<float>(pages[i][page], slots[i].PageFloats).CopyTo(new Span<float>(fork.pages[i][page], slots[i].PageFloats));
            }
            if (slots[i].FixedFloats > 0)
            {
                fixedState[i].Span.CopyTo(fork.fixedState[i].Span);
            }
        }
        return fork;
    }

    /// <summary>The table of a slot's pages; those before its window are null.</summary>
    /// <param name="slot">The slot.</param>
    public float** Pages(int slot) => pages[slot];

    /// <summary>A slot's recurrent state.</summary>
    /// <param name="slot">The slot.</param>
    public Tensor Fixed(int slot) => fixedState[slot];

    /// <summary>Forgets everything and gives all pages back: the sequence runs again from its start.</summary>
    public void Restart()
    {
        ReturnFrom(first);
        for (int i = 0; i < pages.Length; i++)
        {
            (first[i], end[i]) = (0, 0);
            if (fixedState[i].Exists)
            {
                fixedState[i].Span.Clear();
            }
        }
        (Length, Planned) = (0, 0);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        Restart();
        for (int i = 0; i < pages.Length; i++)
        {
            NativeMemory.Free(pages[i]);
            pages[i] = null;
            fixedState[i].Free();
            fixedState[i] = default;
        }
        pageCapacity = 0;
    }

    /// <summary>Gives back the pages of each slot from one on.</summary>
    private void ReturnFrom(int[] from)
    {
        ReadOnlySpan<StateSpec> slots = layout.Slots;
        for (int i = 0; i < slots.Length; i++)
        {
            while (end[i] > from[i])
            {
                pool.Return(pages[i][--end[i]], slots[i].PageFloats);
            }
        }
    }

    private void Grow(int needed)
    {
        if (needed <= pageCapacity)
        {
            return;
        }
        int capacity = Math.Max(needed, Math.Max(8, 2 * pageCapacity));
        for (int i = 0; i < pages.Length; i++)
        {
            pages[i] = (float**)NativeMemory.Realloc(pages[i], (nuint)(capacity * sizeof(float*)));
        }
        pageCapacity = capacity;
    }
}

/// <summary>The page pool's budget is spent.</summary>
public sealed class OutOfPagesException : InvalidOperationException
{
    /// <summary>Names the budget.</summary>
    /// <param name="pool">The pool.</param>
    public OutOfPagesException(PagePool pool)
        : base($"the page pool holds {pool?.UsedBytes ?? 0} of {pool?.BudgetBytes ?? 0} bytes: raise its budget, or run fewer or shorter sequences at once")
    {
    }
}
