using Lorikeet.Kernels;

namespace Lorikeet.Tensors;

/// <summary>Multiplies every row by one vector: y[i, :] = x[i, :] o row ((IA)3, DoRA's magnitude, FLoRA's two vectors).</summary>
/// <remarks>Backward: dx = dy o row; drow = sum over i of dy[i, :] o x[i, :]. Saves each where the other wants a gradient.</remarks>
public static class MultiplyRow
{
    /// <summary>y[i, j] = x[i, j] row[j].</summary>
    /// <param name="run">The run.</param>
    /// <param name="x">[rows, width].</param>
    /// <param name="row">[width].</param>
    /// <returns>[rows, width] in new memory.</returns>
    public static Tensor Forward(Run run, in Tensor x, in Tensor row)
    {
        if (row.Shape.Length != x.Width)
        {
            throw new ArgumentException($"multiply rows: {row.Shape} with rows of {x.Shape}");
        }
        Tensor y = run.Allocate(x.Rows, x.Width);
        x.Span.CopyTo(y.Span);
        Elementwise.ScaleRows(row.Span, y.Span, y.Width);
        return run.Tape is not null && (x.Recorded || row.Recorded)
            ? run.Tape.Record(run, y, new MultiplyRowNode(x, row), row.Recorded ? x : default, x.Recorded ? row : default)
            : y;
    }

    private sealed class MultiplyRowNode(Tensor x, Tensor row) : Node
    {
        public override void Backward(Run run, ref Backprop gradient)
        {
            Tensor dy = gradient.Output;
            if (gradient.Wants(row))
            {
                Tensor d = gradient.GradientOf(row, out bool accumulate);
                Reduce.DotColumns(dy.Span, x.Span, dy.Width, d.Span, accumulate);
            }
            if (gradient.Wants(x))
            {
                Elementwise.ScaleRows(row.Span, dy.Span, dy.Width);
                gradient.Give(x);
            }
        }
    }
}
