using System.Globalization;
using Lorikeet.Tensors;
using Lorikeet.Tensors.LinearAlgebra;

namespace Lorikeet.Training;

/// <summary>The span of one orthonormal factor for each axis of a tensor: R = G x_i F_i', back R x_i F_i.</summary>
/// <remarks>
/// Factors are the first left singular vectors of the gradient's unfoldings (HOSVD); for a matrix this is the two-sided projection. With
/// <paramref name="learns"/> the first choice stays and AdamW moves each factor so that |Gn - U(D(Gn))|^2, Gn = G / |G|, falls.
/// Source: Das, Natural GaLore, arXiv 2410.16029.
/// </remarks>
/// <param name="rank">Columns of the factors of a parameter's axes; an axis that is shorter has as many as it has elements.</param>
/// <param name="learns">Learn the factors instead of choosing them anew; the number is 1/T times the first learning rate's inverse.</param>
public sealed class TuckerSubspace(Func<string, int> rank, double? learns = null) : Subspace
{
    /// <inheritdoc/>
    public override bool CanChoose(in Tensor gradient) => HasDirection(gradient.Span);

    /// <inheritdoc/>
    public override void Choose(in SubspaceRequest request, OptimizerState state)
    {
        if (learns is not null && state.Has(Factor(0)))
        {
            return;
        }
        Shape shape = request.Gradient.Shape;
        for (int axis = 0; axis < shape.Rank; axis++)
        {
            int columns = Math.Min(rank(request.Name), shape[axis]);
            Matrix64 unfolded = Unfold(request.Gradient.Span, shape, axis);
            // The left vectors of a wide matrix are those of its square: cheaper, and factors need no more digits.
            SymmetricEigen eigen = SymmetricEigen.Of(unfolded.Times(unfolded.Transposed()));
            Matrix64 factor = new(shape[axis], columns);
            for (int column = 0; column < columns; column++)
            {
                int from = shape[axis] - 1 - column;
                double most = 0;
                for (int row = 0; row < shape[axis]; row++)
                {
                    most = Math.Abs(eigen.Vectors[row, from]) > Math.Abs(most) ? eigen.Vectors[row, from] : most;
                }
                for (int row = 0; row < shape[axis]; row++)
                {
                    factor[row, column] = eigen.Vectors[row, from] * (most < 0 ? -1 : 1);
                }
            }
            Keep(state, axis, factor);
        }
    }

    /// <summary>Keeps a factor.</summary>
    internal static void Keep(OptimizerState state, int axis, Matrix64 factor) =>
        factor.CopyTo(state.Add(Factor(axis), new Shape(factor.Rows, factor.Columns)).Span);

    /// <inheritdoc/>
    public override Shape? Inside(Shape shape, OptimizerState state)
    {
        Span<int> axes = stackalloc int[shape.Rank];
        for (int axis = 0; axis < shape.Rank; axis++)
        {
            axes[axis] = state[Factor(axis)].Width;
        }
        return new Shape(axes);
    }

    /// <inheritdoc/>
    public override bool IsWhole(Shape shape, OptimizerState state)
    {
        bool whole = true;
        for (int axis = 0; axis < shape.Rank; axis++)
        {
            whole &= state[Factor(axis)].Width == shape[axis];
        }
        return whole;
    }

    /// <inheritdoc/>
    public override void Down(OptimizerState state, in Tensor gradient, in Tensor low)
    {
        int[] axes = Axes(gradient.Shape);
        double[] values = Wide(gradient.Span);
        for (int axis = 0; axis < gradient.Shape.Rank; axis++)
        {
            values = Times(values, axes, axis, Of(state, axis).Transposed());
        }
        Narrow(values, low.Span);
    }

    /// <inheritdoc/>
    public override void Up(OptimizerState state, in Tensor low, in Tensor whole)
    {
        int[] axes = Axes(low.Shape);
        double[] values = Wide(low.Span);
        for (int axis = 0; axis < low.Shape.Rank; axis++)
        {
            values = Times(values, axes, axis, Of(state, axis));
        }
        Narrow(values, whole.Span);
    }

    /// <inheritdoc/>
    public override void Learn(OptimizerState state, in Tensor gradient, double rate)
    {
        // The first step's factors are its gradient's own: they stay for that step.
        if (learns is not { } share || state.Steps < 2)
        {
            return;
        }
        Shape shape = gradient.Shape;
        double[] normed = Wide(gradient.Span);
        double norm = Math.Sqrt(normed.Sum(v => v * v));
        if (!(norm > 0))
        {
            return;
        }
        normed = [.. normed.Select(v => v / norm)];
        Matrix64[] factors = new Matrix64[shape.Rank], projections = new Matrix64[shape.Rank];
        for (int axis = 0; axis < shape.Rank; axis++)
        {
            factors[axis] = Of(state, axis);
            projections[axis] = factors[axis].Times(factors[axis].Transposed());
        }
        double[] projected = Project(normed, shape, projections, -1);
        double[] outside = [.. normed.Zip(projected, (a, b) => a - b)];
        AdamW adam = new();
        for (int axis = 0; axis < shape.Rank; axis++)
        {
            // d|E|^2 / dP_i = -2 E_(i) (G x_{j != i} P_j)_(i)', and P_i = F_i F_i'.
            Matrix64 others = Fold(Project(normed, shape, projections, axis), shape, axis);
            Matrix64 slope = Fold(outside, shape, axis).Times(others.Transposed()).Scale(-2);
            Matrix64 both = slope.Transposed();
            for (int i = 0; i < both.Data.Length; i++)
            {
                both.Data[i] += slope.Data[i];
            }
            Matrix64 change = both.Times(factors[axis]);
            Tensor factor = state[Factor(axis)], own = Storage.Zeros(factor.Shape);
            change.CopyTo(own.Span);
            OptimizerState part = new() { Steps = state.Steps - 2 };
            Tensor first = state.Add(Factor(axis) + "_avg", factor.Shape), second = state.Add(Factor(axis) + "_avg_sq", factor.Shape);
            first.Span.CopyTo(part.Add("exp_avg", factor.Shape).Span);
            second.Span.CopyTo(part.Add("exp_avg_sq", factor.Shape).Span);
            // PyTorch's defaults, decay of 0.01 among them.
            adam.Step([new Update(new Parameter(Factor(axis), factor), own, part, rate * share, 0.01)]);
            part["exp_avg"].Span.CopyTo(first.Span);
            part["exp_avg_sq"].Span.CopyTo(second.Span);
            part.Dispose();
            own.Free();
        }
    }

    private static double[] Project(double[] values, Shape shape, Matrix64[] projections, int but)
    {
        int[] axes = Axes(shape);
        for (int axis = 0; axis < axes.Length; axis++)
        {
            values = axis == but ? values : Times(values, axes, axis, projections[axis]);
        }
        return values;
    }

    /// <summary>Multiplies along one axis by a matrix [new length, old length]; <paramref name="axes"/> follows.</summary>
    private static double[] Times(double[] values, int[] axes, int axis, Matrix64 by)
    {
        int inner = 1, outer = 1;
        for (int i = 0; i < axes.Length; i++)
        {
            inner *= i > axis ? axes[i] : 1;
            outer *= i < axis ? axes[i] : 1;
        }
        double[] to = new double[outer * by.Rows * inner];
        for (int o = 0; o < outer; o++)
        {
            for (int row = 0; row < by.Rows; row++)
            {
                for (int k = 0; k < by.Columns; k++)
                {
                    double factor = by[row, k];
                    for (int i = 0; i < inner; i++)
                    {
                        to[(((o * by.Rows) + row) * inner) + i] += factor * values[(((o * by.Columns) + k) * inner) + i];
                    }
                }
            }
        }
        axes[axis] = by.Rows;
        return to;
    }

    private static Matrix64 Unfold(ReadOnlySpan<float> values, Shape shape, int axis) => Fold(Wide(values), shape, axis);

    /// <summary>[axis, all others].</summary>
    private static Matrix64 Fold(double[] values, Shape shape, int axis)
    {
        int inner = 1;
        for (int i = axis + 1; i < shape.Rank; i++)
        {
            inner *= shape[i];
        }
        int length = shape[axis], others = values.Length / length;
        Matrix64 to = new(length, others);
        for (int i = 0; i < values.Length; i++)
        {
            int outer = i / inner / length;
            to[i / inner % length, (outer * inner) + (i % inner)] = values[i];
        }
        return to;
    }

    private static Matrix64 Of(OptimizerState state, int axis)
    {
        Tensor factor = state[Factor(axis)];
        return Matrix64.Of(factor.Rows, factor.Width, factor.Span);
    }

    private static int[] Axes(Shape shape)
    {
        int[] axes = new int[shape.Rank];
        for (int i = 0; i < axes.Length; i++)
        {
            axes[i] = shape[i];
        }
        return axes;
    }

    private static double[] Wide(ReadOnlySpan<float> values)
    {
        double[] wide = new double[values.Length];
        for (int i = 0; i < wide.Length; i++)
        {
            wide[i] = values[i];
        }
        return wide;
    }

    private static void Narrow(double[] values, Span<float> to)
    {
        for (int i = 0; i < values.Length; i++)
        {
            to[i] = (float)values[i];
        }
    }

    private static string Factor(int axis) => "factor" + axis.ToString(CultureInfo.InvariantCulture);
}
