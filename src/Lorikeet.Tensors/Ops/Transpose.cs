namespace Lorikeet.Tensors;

/// <summary>The transpose of a matrix, for factors that a file stores the other way round.</summary>
/// <remarks>Backward: dx = dy^T.</remarks>
public static class Transpose
{
    /// <summary>y[j, i] = x[i, j].</summary>
    /// <param name="run">The run.</param>
    /// <param name="x">[rows, columns].</param>
    /// <returns>[columns, rows] in new memory.</returns>
    public static Tensor Forward(Run run, in Tensor x)
    {
        Tensor y = run.Allocate(x.Width, x.Rows);
        Into(x, y, accumulate: false);
        return run.Tape is not null && x.Recorded ? run.Tape.Record(run, y, new TransposeNode(x)) : y;
    }

    /// <summary>The same without a run.</summary>
    /// <param name="x">[rows, columns].</param>
    /// <param name="y">[columns, rows], overwritten.</param>
    /// <param name="accumulate">True: add to y.</param>
    public static void Into(in Tensor x, in Tensor y, bool accumulate)
    {
        ReadOnlySpan<float> from = x.Span;
        Span<float> to = y.Span;
        int rows = x.Rows, columns = x.Width;
        for (int i = 0; i < rows; i++)
        {
            for (int j = 0; j < columns; j++)
            {
                ref float at = ref to[(j * rows) + i];
                at = accumulate ? at + from[(i * columns) + j] : from[(i * columns) + j];
            }
        }
    }

    private sealed class TransposeNode(Tensor x) : Node
    {
        public override void Backward(Run run, ref Backprop gradient)
        {
            Tensor dx = gradient.GradientOf(x, out bool accumulate);
            Into(gradient.Output, dx, accumulate);
        }
    }
}
