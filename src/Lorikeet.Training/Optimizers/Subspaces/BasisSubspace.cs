using Lorikeet.Kernels;
using Lorikeet.Tensors;
using Lorikeet.Tensors.LinearAlgebra;

namespace Lorikeet.Training;

/// <summary>Which sides of a matrix are projected.</summary>
public enum ProjectionSide
{
    /// <summary>The shorter one: the basis is small.</summary>
    Std,

    /// <summary>The longer one.</summary>
    ReverseStd,

    /// <summary>Rows: R = P' G.</summary>
    Left,

    /// <summary>Columns: R = G Q'.</summary>
    Right,

    /// <summary>Both: R = P' G Q'.</summary>
    Full,
}

/// <summary>Where a basis comes from.</summary>
public enum BasisKind
{
    /// <summary>The gradient's first singular vectors.</summary>
    Svd,

    /// <summary>Those singular vectors by a randomised decomposition: a few products instead of a full one.</summary>
    RandomisedSvd,

    /// <summary>A random orthonormal basis.</summary>
    Random,

    /// <summary>Random coordinates as a basis.</summary>
    RandomCoordinates,
}

/// <summary>The span of an orthonormal basis on one side of a matrix, or on both.</summary>
/// <remarks>
/// W is [m, n]. Left: P [m, r], R = P' G [r, n], back P R. Right: Q [r, n], R = G Q' [m, r], back R Q. Full: P and Q, R = P' G Q' [r, r].
/// The largest entry of each basis vector is positive, so that runs repeat. Source: Zhao et al., arXiv 2403.03507; FRUGAL, arXiv 2411.07837.
/// </remarks>
/// <param name="side">Which side.</param>
/// <param name="kind">Where the basis comes from.</param>
/// <param name="rank">Vectors of the basis, for a side of a length.</param>
public sealed class BasisSubspace(ProjectionSide side, BasisKind kind, Func<int, int> rank) : Subspace
{
    /// <inheritdoc/>
    public override bool CanChoose(in Tensor gradient) => kind is BasisKind.Random or BasisKind.RandomCoordinates || HasDirection(gradient.Span);

    /// <inheritdoc/>
    public override void Choose(in SubspaceRequest request, OptimizerState state)
    {
        Tensor gradient = request.Gradient;
        int rows = gradient.Rows, columns = gradient.Width;
        ProjectionSide at = Side(rows, columns);
        bool bySvd = kind is BasisKind.Svd or BasisKind.RandomisedSvd;
        int most = bySvd ? Math.Min(rows, columns) : int.MaxValue;
        int left = at is ProjectionSide.Left or ProjectionSide.Full ? Math.Min(rank(rows), Math.Min(rows, most)) : 0;
        int right = at is ProjectionSide.Right or ProjectionSide.Full ? Math.Min(rank(columns), Math.Min(columns, most)) : 0;
        if (kind == BasisKind.Svd)
        {
            Svd svd = Svd.Thin(Matrix64.Of(rows, columns, gradient.Span));
            Keep(state, svd.U.FirstColumns(left).Transposed(), svd.Vt.FirstRows(right), rows, columns);
            return;
        }
        if (kind == BasisKind.RandomisedSvd)
        {
            (Matrix64 first, Matrix64 second) = GradientRange.Vectors(gradient, left, right, request.Random);
            Keep(state, first, second, rows, columns);
            return;
        }
        Keep(state, Basis(left, rows, request.Random.Named("left")), Basis(right, columns, request.Random.Named("right")), rows, columns);
    }

    /// <inheritdoc/>
    public override Shape? Inside(Shape shape, OptimizerState state)
    {
        bool left = state.Has("left"), right = state.Has("right");
        return !left && !right ? null : new Shape(left ? state["left"].Width : shape[0], right ? state["right"].Rows : shape[1]);
    }

    /// <inheritdoc/>
    public override bool IsWhole(Shape shape, OptimizerState state) =>
        (!state.Has("left") || state["left"].Width == shape[0]) && (!state.Has("right") || state["right"].Rows == shape[1]);

    /// <inheritdoc/>
    public override void Down(OptimizerState state, in Tensor gradient, in Tensor low)
    {
        int rows = gradient.Rows, columns = gradient.Width;
        if (!state.Has("right"))
        {
            MatrixProduct.Multiply(state["left"].Span, true, gradient.Span, false, low.Span, low.Rows, columns, rows);
        }
        else if (!state.Has("left"))
        {
            MatrixProduct.Multiply(gradient.Span, false, state["right"].Span, true, low.Span, rows, low.Width, columns);
        }
        else
        {
            Tensor half = Storage.Zeros(new Shape(low.Rows, columns));
            MatrixProduct.Multiply(state["left"].Span, true, gradient.Span, false, half.Span, low.Rows, columns, rows);
            MatrixProduct.Multiply(half.Span, false, state["right"].Span, true, low.Span, low.Rows, low.Width, columns);
            half.Free();
        }
    }

    /// <inheritdoc/>
    public override void Up(OptimizerState state, in Tensor low, in Tensor whole)
    {
        int rows = whole.Rows, columns = whole.Width;
        if (!state.Has("right"))
        {
            MatrixProduct.Multiply(state["left"].Span, false, low.Span, false, whole.Span, rows, columns, low.Rows);
        }
        else if (!state.Has("left"))
        {
            MatrixProduct.Multiply(low.Span, false, state["right"].Span, false, whole.Span, rows, columns, low.Width);
        }
        else
        {
            Tensor half = Storage.Zeros(new Shape(rows, low.Width));
            MatrixProduct.Multiply(state["left"].Span, false, low.Span, false, half.Span, rows, low.Width, low.Rows);
            MatrixProduct.Multiply(half.Span, false, state["right"].Span, false, whole.Span, rows, columns, low.Width);
            half.Free();
        }
    }

    private ProjectionSide Side(int rows, int columns) => side switch
    {
        ProjectionSide.Std => rows >= columns ? ProjectionSide.Right : ProjectionSide.Left,
        ProjectionSide.ReverseStd => rows >= columns ? ProjectionSide.Left : ProjectionSide.Right,
        _ => side,
    };

    /// <summary>Keeps bases given as rows: <paramref name="left"/> [r, m], <paramref name="right"/> [r, n].</summary>
    private static void Keep(OptimizerState state, Matrix64 left, Matrix64 right, int rows, int columns)
    {
        Put("left", left.Rows > 0 ? Positive(left).Transposed() : null, rows, left.Rows);
        Put("right", right.Rows > 0 ? Positive(right) : null, right.Rows, columns);

        void Put(string name, Matrix64? basis, int height, int width)
        {
            if (state.Has(name) && (basis is null || state[name].Shape != new Shape(height, width)))
            {
                state.Drop(name);
            }
            if (basis is not null)
            {
                basis.CopyTo(state.Add(name, new Shape(height, width)).Span);
            }
        }
    }

    private static Matrix64 Positive(Matrix64 vectors)
    {
        for (int i = 0; i < vectors.Rows; i++)
        {
            double most = 0;
            foreach (double value in vectors.Row(i))
            {
                most = Math.Abs(value) > Math.Abs(most) ? value : most;
            }
            if (most < 0)
            {
                foreach (ref double value in vectors.Row(i))
                {
                    value = -value;
                }
            }
        }
        return vectors;
    }

    private Matrix64 Basis(int count, int length, CounterRandom random)
    {
        if (count == 0)
        {
            return new Matrix64(0, length);
        }
        if (kind == BasisKind.RandomCoordinates)
        {
            Matrix64 picked = new(count, length);
            int[] order = CoordinateSubspace.Shuffle(length, random);
            for (int i = 0; i < count; i++)
            {
                picked[i, order[i]] = 1;
            }
            return picked;
        }
        float[] normal = new float[length * count];
        random.FillNormal(normal, 1);
        return Qr.Thin(Matrix64.Of(length, count, normal)).Q.Transposed();
    }
}
