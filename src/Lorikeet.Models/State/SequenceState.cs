using System.Runtime.InteropServices;
using Lorikeet.Kernels;
using Lorikeet.Tensors;

namespace Lorikeet.Models;

/// <summary>What the parts of a model remember of one sequence: pages of keys and values, recurrent state.</summary>
/// <remarks>Slot i is block i's mixer; the slot after the last block is the side network's.</remarks>
public sealed unsafe class SequenceState : IDisposable
{
    /// <summary>Positions in a page; pages are aligned to absolute positions.</summary>
    public const int PageTokens = Attention.Tile;

    private readonly PagePool pool;
    private readonly StateSpec[] specs;
    private readonly float**[] pages;
    private readonly Tensor[] fixedState;
    private readonly bool paged;
    private int pageCount;
    private int pageCapacity;

    /// <summary>The state of a new sequence.</summary>
    /// <param name="pool">Where pages come from.</param>
    /// <param name="model">The model.</param>
    /// <param name="adapter">The adapter the sequence runs with, whose mixers and side network may remember other things.</param>
    public SequenceState(PagePool pool, LanguageModel model, Adapter? adapter = null)
        : this(pool, Specs(model, adapter))
    {
    }

    private SequenceState(PagePool pool, StateSpec[] specs)
    {
        this.pool = pool;
        this.specs = specs;
        pages = new float**[specs.Length];
        fixedState = new Tensor[specs.Length];
        for (int i = 0; i < specs.Length; i++)
        {
            paged |= specs[i].PageFloats > 0;
            if (specs[i].FixedFloats > 0)
            {
                fixedState[i] = Storage.Zeros(new Shape(specs[i].FixedFloats));
            }
        }
    }

    /// <summary>Positions remembered.</summary>
    public int Length { get; private set; }

    /// <summary>Positions that the pages taken have room for.</summary>
    public int Reserved => paged ? pageCount * PageTokens : int.MaxValue;

    /// <summary>Takes pages for more positions; called before the step that fills them.</summary>
    /// <param name="positions">New positions.</param>
    /// <exception cref="OutOfPagesException">The pool's budget is spent; nothing was taken.</exception>
    public void Reserve(int positions)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(positions);
        int needed = checked((int)(((long)Length + positions + PageTokens - 1) / PageTokens));
        Grow(needed);
        int before = pageCount;
        while (pageCount < needed)
        {
            for (int i = 0; i < specs.Length; i++)
            {
                if (specs[i].PageFloats > 0 && (pages[i][pageCount] = pool.TryRent(specs[i].PageFloats)) is null)
                {
                    Return(pageCount, i);
                    while (pageCount > before)
                    {
                        Return(--pageCount, specs.Length);
                    }
                    throw new OutOfPagesException(pool);
                }
            }
            pageCount++;
        }
    }

    /// <summary>Gives back one page of each of the first slots.</summary>
    private void Return(int page, int slots)
    {
        for (int i = 0; i < slots; i++)
        {
            if (specs[i].PageFloats > 0)
            {
                pool.Return(pages[i][page], specs[i].PageFloats);
            }
        }
    }

    /// <summary>Counts positions that a step has filled.</summary>
    /// <param name="positions">How many.</param>
    public void Append(int positions) => Length += positions;

    /// <summary>A second sequence with the same past, in pages of its own.</summary>
    /// <exception cref="OutOfPagesException">The pool's budget is spent; nothing was taken.</exception>
    public SequenceState Fork()
    {
        SequenceState fork = new(pool, specs);
        try
        {
            fork.Reserve(Length);
        }
        catch
        {
            fork.Dispose();
            throw;
        }
        fork.Length = Length;
        for (int i = 0; i < specs.Length; i++)
        {
            for (int page = 0; page < fork.pageCount && specs[i].PageFloats > 0; page++)
            {
                new ReadOnlySpan<float>(pages[i][page], specs[i].PageFloats).CopyTo(new Span<float>(fork.pages[i][page], specs[i].PageFloats));
            }
            if (specs[i].FixedFloats > 0)
            {
                fixedState[i].Span.CopyTo(fork.fixedState[i].Span);
            }
        }
        return fork;
    }

    /// <summary>The table of a slot's pages.</summary>
    /// <param name="slot">The slot.</param>
    public float** Pages(int slot) => pages[slot];

    /// <summary>A slot's recurrent state.</summary>
    /// <param name="slot">The slot.</param>
    public Tensor Fixed(int slot) => fixedState[slot];

    /// <inheritdoc/>
    public void Dispose()
    {
        while (pageCount > 0)
        {
            Return(--pageCount, specs.Length);
        }
        for (int i = 0; i < specs.Length; i++)
        {
            NativeMemory.Free(pages[i]);
            pages[i] = null;
            fixedState[i].Free();
        }
        pageCapacity = 0;
        Length = 0;
    }

    private static StateSpec[] Specs(LanguageModel model, Adapter? adapter)
    {
        ArgumentNullException.ThrowIfNull(model);
        StateSpec[] specs = new StateSpec[model.Blocks.Count + 1];
        for (int i = 0; i < model.Blocks.Count; i++)
        {
            specs[i] = (adapter?.Mixer(i) ?? model.Blocks[i].Mixer).State;
        }
        specs[^1] = adapter?.Side?.State ?? default;
        return specs;
    }

    private void Grow(int needed)
    {
        if (needed <= pageCapacity)
        {
            return;
        }
        int capacity = Math.Max(needed, Math.Max(8, 2 * pageCapacity));
        for (int i = 0; i < specs.Length; i++)
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
