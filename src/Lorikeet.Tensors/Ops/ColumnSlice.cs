using Lorikeet.Kernels;

namespace Lorikeet.Tensors;

/// <summary>Evenly spaced groups of a tensor's columns, copied side by side: q, k or v from the rows of one fused matrix.</summary>
/// <remarks>Backward: dy is added to the same columns of dx.</remarks>
public static class ColumnSlice
{
    /// <summary>y[i, g * width + j] = x[i, start + g * stride + j] for g below <paramref name="groups"/>.</summary>
    /// <param name="run">The run.</param>
    /// <param name="x">[rows, columns].</param>
    /// <param name="start">The first column.</param>
    /// <param name="width">Columns of a group.</param>
    /// <param name="groups">Number of groups.</param>
    /// <param name="stride">Columns from one group to the next; at least <paramref name="width"/> where there is more than one.</param>
    /// <returns>[rows, groups * width].</returns>
    /// <exception cref="ArgumentException">A column outside x.</exception>
    public static Tensor Forward(Run run, in Tensor x, int start, int width, int groups = 1, int stride = 0)
    {
        if (start < 0 || width < 1 || groups < 1 || (groups > 1 && stride < width) || start + ((long)(groups - 1) * stride) + width > x.Width)
        {
            throw new ArgumentException($"columns: {groups} groups of {width} from column {start}, {stride} apart, of rows of {x.Shape}");
        }
        Tensor y = run.Allocate(x.Rows, groups * width);
        for (int row = 0; row < x.Rows; row++)
        {
            ReadOnlySpan<float> from = x.Row(row);
            Span<float> to = y.Row(row);
            for (int g = 0; g < groups; g++)
            {
                from.Slice(start + (g * stride), width).CopyTo(to[(g * width)..]);
            }
        }
        return run.Tape is not null && x.Recorded ? run.Tape.Record(run, y, new ColumnSliceNode(x, start, width, groups, stride)) : y;
    }

    private sealed class ColumnSliceNode(Tensor x, int start, int width, int groups, int stride) : Node
    {
        public override void Backward(Run run, ref Backprop gradient)
        {
            Tensor dx = gradient.GradientToAddTo(x), dy = gradient.Output;
            for (int row = 0; row < dy.Rows; row++)
            {
                ReadOnlySpan<float> from = dy.Row(row);
                Span<float> to = dx.Row(row);
                for (int g = 0; g < groups; g++)
                {
                    Span<float> own = to.Slice(start + (g * stride), width);
                    Elementwise.Add(own, from.Slice(g * width, width), own);
                }
            }
        }
    }
}
