namespace Lorikeet.Tensors;

/// <summary>Reads rows of a table: y[i, :] = table[ids[i], :].</summary>
/// <remarks>Backward: dtable[ids[i], :] += dy[i, :] where the table trains or is watched.</remarks>
public static class Embedding
{
    /// <summary>Looks up one row for each id.</summary>
    /// <param name="run">The run.</param>
    /// <param name="table">[vocabulary, hidden].</param>
    /// <param name="ids">Row numbers.</param>
    /// <returns>[ids, hidden].</returns>
    /// <exception cref="ArgumentException">An id outside the table.</exception>
    public static Tensor Forward(Run run, Weight table, ReadOnlySpan<int> ids)
    {
        Tensor y = run.Allocate(ids.Length, table.Inputs);
        for (int i = 0; i < ids.Length; i++)
        {
            if ((uint)ids[i] >= (uint)table.Outputs)
            {
                throw new ArgumentException($"token id {ids[i]} at place {i}: the vocabulary has {table.Outputs} entries", nameof(ids));
            }
            table.Read(ids[i], y.Row(i));
        }
        GradientWatch? watch = run.Tape?.WatchOf(table);
        bool trains = table.Trains;
        if (run.Tape is null || !(trains || watch is not null))
        {
            return y;
        }
        if (trains)
        {
            table.Use(run);
        }
        return run.Tape.Record(run, y, new EmbeddingNode(table, ids.ToArray(), trains, watch));
    }

    private sealed class EmbeddingNode(Weight table, int[] ids, bool trains, GradientWatch? watch) : Node
    {
        public override void Backward(Run run, ref Backprop gradient)
        {
            if (trains)
            {
                table.AddRowGradients(run, ids, gradient.Output);
            }
            watch?.AddRows(ids, gradient.Output);
        }
    }
}
