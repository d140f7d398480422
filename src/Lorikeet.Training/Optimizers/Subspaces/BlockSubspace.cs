using Lorikeet.Tensors;

namespace Lorikeet.Training;

/// <summary>In which order whole matrices become active.</summary>
public enum BlockOrder
{
    /// <summary>Drawn anew each turn.</summary>
    Random,

    /// <summary>From the first on, round and round.</summary>
    Ascending,

    /// <summary>From the last on, round and round.</summary>
    Descending,

    /// <summary>From both ends in pairs.</summary>
    Mirror,
}

/// <summary>Whole matrices: in each turn a share of them is inside, the others are outside altogether. Source: FRUGAL, arXiv 2411.07837.</summary>
/// <param name="density">The share of matrices that is active, rounded to the nearest number.</param>
/// <param name="order">Which come first.</param>
public sealed class BlockSubspace(double density, BlockOrder order) : Subspace
{
    private const string Active = "active";

    /// <inheritdoc/>
    public override void Choose(in SubspaceRequest request, OptimizerState state)
    {
        int active = (int)Math.Round(density * request.Count, MidpointRounding.ToEven), count = request.Count;
        bool inside = false;
        int[]? drawn = order == BlockOrder.Random ? CoordinateSubspace.Shuffle(count, request.All) : null;
        for (int i = 0; i < active && !inside; i++)
        {
            int place = (int)(((long)request.Turn * active + i) % count);
            inside = request.Number == order switch
            {
                BlockOrder.Random => drawn![i],
                BlockOrder.Ascending => place,
                BlockOrder.Descending => count - 1 - place,
                _ => place % 2 == 0 ? place / 2 : count - 1 - (place / 2),
            };
        }
        Keep(state, inside);
    }

    /// <summary>Makes a matrix active or not.</summary>
    internal static void Keep(OptimizerState state, bool inside)
    {
        state.Drop(Active);
        if (inside)
        {
            state.Add(Active, new Shape(1)).Span[0] = 1;
        }
    }

    /// <inheritdoc/>
    public override Shape? Inside(Shape shape, OptimizerState state) => state.Has(Active) ? shape : null;

    /// <inheritdoc/>
    public override bool IsWhole(Shape shape, OptimizerState state) => state.Has(Active);

    /// <inheritdoc/>
    public override void Down(OptimizerState state, in Tensor gradient, in Tensor low) => gradient.Span.CopyTo(low.Span);

    /// <inheritdoc/>
    public override void Up(OptimizerState state, in Tensor low, in Tensor whole) => low.Span.CopyTo(whole.Span);
}
