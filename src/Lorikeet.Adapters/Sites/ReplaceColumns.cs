using Lorikeet.Tensors;

namespace Lorikeet.Adapters;

/// <summary>Puts other values into some columns: y[:, columns[j]] = z[:, j].</summary>
/// <remarks>Backward: dz[:, j] = dy[:, columns[j]]; those columns of dy then pass nothing on.</remarks>
internal static class ReplaceColumns
{
    /// <summary>Replaces in place; the result shares the memory of <paramref name="y"/>, whose old value is gone.</summary>
    /// <param name="run">The run.</param>
    /// <param name="y">[rows, width], overwritten.</param>
    /// <param name="z">[rows, columns].</param>
    /// <param name="columns">Column numbers, each once.</param>
    public static Tensor Into(Run run, in Tensor y, in Tensor z, int[] columns)
    {
        run.Tape?.Overwrite(y);
        for (int i = 0; i < y.Rows; i++)
        {
            Span<float> to = y.Row(i);
            ReadOnlySpan<float> from = z.Row(i);
            for (int j = 0; j < columns.Length; j++)
            {
                to[columns[j]] = from[j];
            }
        }
        return run.Tape is not null && (y.Recorded || z.Recorded) ? run.Tape.Record(run, y, new ReplaceColumnsNode(y, z, columns)) : y;
    }

    private sealed class ReplaceColumnsNode(Tensor y, Tensor z, int[] columns) : Node
    {
        public override void Backward(Run run, ref Backprop gradient)
        {
            Tensor dy = gradient.Output;
            Tensor dz = gradient.Wants(z) ? gradient.GradientToAddTo(z) : default;
            for (int i = 0; i < dy.Rows; i++)
            {
                Span<float> from = dy.Row(i);
                for (int j = 0; j < columns.Length; j++)
                {
                    if (dz.Exists)
                    {
                        dz.Row(i)[j] += from[columns[j]];
                    }
                    from[columns[j]] = 0f;
                }
            }
            gradient.Give(y);
        }
    }
}
