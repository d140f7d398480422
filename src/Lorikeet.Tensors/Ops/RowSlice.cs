using Lorikeet.Kernels;

namespace Lorikeet.Tensors;

/// <summary>Consecutive rows of a tensor as a view.</summary>
/// <remarks>
/// Backward: dy is added to the same rows of dx. A slice of all rows is recorded too, so that gradients are added in one order whether an
/// adapter is alone in a batch or not: weights that are trained together get the bits they get alone.
/// </remarks>
public static class RowSlice
{
    /// <summary>y[i, :] = x[row + i, :], sharing memory.</summary>
    /// <param name="run">The run.</param>
    /// <param name="x">[rows, width].</param>
    /// <param name="row">The first row.</param>
    /// <param name="rows">How many.</param>
    public static Tensor Forward(Run run, in Tensor x, int row, int rows)
    {
        bool whole = row == 0 && rows == x.Rows;
        if (whole && (run.Tape is null || !x.Recorded))
        {
            return x;
        }
        Tensor y = x.ViewRows(row, rows);
        return run.Tape is not null && x.Recorded ? run.Tape.Record(run, y, new RowSliceNode(x, row, rows)) : y;
    }

    private sealed class RowSliceNode(Tensor x, int row, int rows) : Node
    {
        public override void Backward(Run run, ref Backprop gradient)
        {
            if (rows == x.Rows)
            {
                gradient.Give(x);
                return;
            }
            Span<float> to = gradient.GradientToAddTo(x).Span.Slice(row * x.Width, rows * x.Width);
            Elementwise.Add(to, gradient.Output.Span, to);
        }
    }
}
