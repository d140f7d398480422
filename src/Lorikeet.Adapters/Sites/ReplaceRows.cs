using Lorikeet.Tensors;

namespace Lorikeet.Adapters;

/// <summary>Puts rows of a small table into some rows: y[i, :] = table[entryOf[ids[i]], :] where the table has an entry for ids[i].</summary>
/// <remarks>Backward: dtable[entry, :] += dy[i, :]; those rows of dy then pass nothing on.</remarks>
internal static class ReplaceRows
{
    /// <summary>Replaces in place; the result shares the memory of <paramref name="y"/>, whose old value is gone.</summary>
    /// <param name="run">The run.</param>
    /// <param name="y">[rows, width], overwritten.</param>
    /// <param name="table">[entries, width].</param>
    /// <param name="ids">What each row stands for.</param>
    /// <param name="entryOf">The table's row for an id, where it has one.</param>
    public static Tensor Into(Run run, in Tensor y, in Tensor table, ReadOnlySpan<int> ids, Dictionary<int, int> entryOf)
    {
        run.Tape?.Overwrite(y);
        for (int i = 0; i < ids.Length; i++)
        {
            if (entryOf.TryGetValue(ids[i], out int entry))
            {
                table.Row(entry).CopyTo(y.Row(i));
            }
        }
        if (run.Tape is null || !(y.Recorded || table.Recorded))
        {
            return y;
        }
        int[] entries = new int[ids.Length];
        for (int i = 0; i < entries.Length; i++)
        {
            entries[i] = entryOf.GetValueOrDefault(ids[i], -1);
        }
        return run.Tape.Record(run, y, new ReplaceRowsNode(y, table, entries));
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
