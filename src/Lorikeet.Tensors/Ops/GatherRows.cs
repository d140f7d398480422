using Lorikeet.Kernels;

namespace Lorikeet.Tensors;

/// <summary>Rows of a tensor in another order, some of them more than once: y[i, :] = x[rows[i], :].</summary>
/// <remarks>Backward: dx[rows[i], :] += dy[i, :], i ascending.</remarks>
public static class GatherRows
{
    /// <summary>Copies rows.</summary>
    /// <param name="run">The run.</param>
    /// <param name="x">[rows, width].</param>
    /// <param name="rows">Row numbers of x; must not change until backward.</param>
    /// <returns>[rows.Length, width].</returns>
    /// <exception cref="ArgumentException">A row outside x.</exception>
    public static Tensor Forward(Run run, in Tensor x, ReadOnlyMemory<int> rows)
    {
        Tensor y = run.Allocate(rows.Length, x.Width);
        ReadOnlySpan<int> from = rows.Span;
        for (int i = 0; i < from.Length; i++)
        {
            if ((uint)from[i] >= (uint)x.Rows)
            {
                throw new ArgumentException($"gather rows: row {from[i]} of {x.Shape}", nameof(rows));
            }
            x.Row(from[i]).CopyTo(y.Row(i));
        }
        return run.Tape is not null && x.Recorded ? run.Tape.Record(run, y, new GatherRowsNode(x, rows)) : y;
    }

    private sealed class GatherRowsNode(Tensor x, ReadOnlyMemory<int> rows) : Node
    {
        public override void Backward(Run run, ref Backprop gradient)
        {
            Tensor dx = gradient.GradientToAddTo(x), dy = gradient.Output;
            for (int i = 0; i < rows.Length; i++)
            {
                Span<float> to = dx.Row(rows.Span[i]);
                Elementwise.Add(to, dy.Row(i), to);
            }
        }
    }
}
