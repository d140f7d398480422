using Lorikeet.Tensors;

namespace Lorikeet.Training;

/// <summary>What is picked of a matrix.</summary>
public enum CoordinateKind
{
    /// <summary>Whole columns.</summary>
    Columns,

    /// <summary>Whole rows.</summary>
    Rows,

    /// <summary>Single entries.</summary>
    Entries,
}

/// <summary>Random columns, rows or entries of a matrix. Source: FRUGAL, Zmushko et al., arXiv 2411.07837.</summary>
/// <param name="kind">What is picked.</param>
/// <param name="density">The share that is picked, rounded down to a whole number.</param>
public sealed class CoordinateSubspace(CoordinateKind kind, double density) : Subspace
{
    private const string Indices = "indices";

    /// <inheritdoc/>
    public override void Choose(in SubspaceRequest request, OptimizerState state)
    {
        int rows = request.Gradient.Rows, columns = request.Gradient.Width;
        int all = kind switch { CoordinateKind.Columns => columns, CoordinateKind.Rows => rows, _ => checked(rows * columns) };
        int[] picked = Shuffle(all, request.Random)[..(int)(density * all)];
        // In order, so that moments which stay stay with their coordinates where all are picked.
        Array.Sort(picked);
        Keep(state, picked);
    }

    /// <summary>Keeps given indices: of columns, of rows, or row times columns plus column.</summary>
    /// <param name="state">Receives them.</param>
    /// <param name="picked">The indices.</param>
    internal static void Keep(OptimizerState state, ReadOnlySpan<int> picked)
    {
        state.Drop(Indices);
        if (picked.Length > 0)
        {
            picked.CopyTo(System.Runtime.InteropServices.MemoryMarshal.Cast<float, int>(state.Add(Indices, new Shape(picked.Length)).Span));
        }
    }

    /// <inheritdoc/>
    public override Shape? Inside(Shape shape, OptimizerState state) => !state.Has(Indices) ? null : kind switch
    {
        CoordinateKind.Columns => new Shape(shape[0], Picked(state).Length),
        CoordinateKind.Rows => new Shape(Picked(state).Length, shape[1]),
        _ => new Shape(Picked(state).Length),
    };

    /// <inheritdoc/>
    public override void Down(OptimizerState state, in Tensor gradient, in Tensor low) => Move(Picked(state), gradient, low, up: false);

    /// <inheritdoc/>
    public override void Up(OptimizerState state, in Tensor low, in Tensor whole)
    {
        whole.Span.Clear();
        Move(Picked(state), whole, low, up: true);
    }

    /// <summary>The numbers from 0 in random order: sorted by random keys, which depends on nothing but the stream.</summary>
    internal static int[] Shuffle(int count, CounterRandom random)
    {
        uint[] keys = new uint[count];
        int[] order = new int[count];
        for (int i = 0; i < count; i++)
        {
            keys[i] = random.Bits((ulong)i);
            order[i] = i;
        }
        Array.Sort(order, (a, b) => keys[a] != keys[b] ? keys[a].CompareTo(keys[b]) : a.CompareTo(b));
        return order;
    }

    private static ReadOnlySpan<int> Picked(OptimizerState state) => System.Runtime.InteropServices.MemoryMarshal.Cast<float, int>(state[Indices].Span);

    private void Move(ReadOnlySpan<int> picked, in Tensor whole, in Tensor low, bool up)
    {
        Span<float> large = whole.Span, small = low.Span;
        int width = whole.Width, count = picked.Length;
        for (int i = 0; i < small.Length; i++)
        {
            int at = kind switch
            {
                CoordinateKind.Columns => (i / count * width) + picked[i % count],
                CoordinateKind.Rows => (picked[i / width] * width) + (i % width),
                _ => picked[i],
            };
            if (up)
            {
                large[at] = small[i];
            }
            else
            {
                small[i] = large[at];
            }
        }
    }
}
