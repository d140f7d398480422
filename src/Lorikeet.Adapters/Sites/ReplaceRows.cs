using Lorikeet.Tensors;

namespace Lorikeet.Adapters;

/// <summary>Puts rows of a small table into some rows: y[i, :] = table[entries[i], :] where entries[i] is not negative.</summary>
/// <remarks>Backward: dtable[entries[i], :] += dy[i, :]; those rows of dy then pass nothing on.</remarks>
internal static class ReplaceRows
{
    /// <summary>Replaces in place; the result shares the memory of <paramref name="y"/>, whose old value is gone.</summary>
    /// <param name="run">The run.</param>
    /// <param name="y">[rows, width], overwritten.</param>
    /// <param name="table">[entries, width].</param>
    /// <param name="entries">For each row the table's row that takes its place, or -1.</param>
    public static Tensor Into(Run run, in Tensor y, in Tensor table, int[] entries)
    {
        for (int i = 0; i < entries.Length; i++)
        {
            if (entries[i] >= 0)
            {
                table.Row(entries[i]).CopyTo(y.Row(i));
            }
        }
        return run.Tape is not null && (y.Recorded || table.Recorded) ? run.Tape.Record(run, y, new ReplaceRowsNode(y, table, entries)) : y;
    }

    private sealed class ReplaceRowsNode(Tensor y, Tensor table, int[] entries) : Node
    {
        public override void Backward(Run run, ref Backprop gradient)
        {
            Tensor dy = gradient.Output;
            Tensor dTable = gradient.Wants(table) ? gradient.GradientToAddTo(table) : default;
            for (int i = 0; i < entries.Length; i++)
            {
                if (entries[i] >= 0)
                {
                    if (dTable.Exists)
                    {
                        Span<float> to = dTable.Row(entries[i]);
                        Kernels.Elementwise.Add(to, dy.Row(i), to);
                    }
                    dy.Row(i).Clear();
                }
            }
            gradient.Give(y);
        }
    }
}
