namespace Lorikeet.Tensors;

/// <summary>Puts the rows of several tensors under one another.</summary>
/// <remarks>
/// Backward: each part receives its rows of dy. Parts that already lie one after another in memory are not copied, so the result may share
/// their memory: a part is not to be used again after an op in place on the result.
/// </remarks>
public static class RowConcat
{
    /// <summary>y = the rows of all parts in order.</summary>
    /// <param name="run">The run.</param>
    /// <param name="parts">Tensors of one width, at least one.</param>
    public static Tensor Forward(Run run, ReadOnlySpan<Tensor> parts)
    {
        if (parts.IsEmpty)
        {
            throw new ArgumentException("concatenate rows: there are no parts", nameof(parts));
        }
        if (parts.Length == 1)
        {
            return parts[0];
        }
        int rows = 0;
        bool adjacent = true, recorded = false;
        for (int i = 0; i < parts.Length; i++)
        {
            if (parts[i].Width != parts[0].Width)
            {
                throw new ArgumentException($"concatenate rows: part {i} is {parts[i].Shape}, part 0 is {parts[0].Shape}");
            }
            adjacent &= i == 0 || parts[i - 1].IsFollowedBy(parts[i]);
            recorded |= parts[i].Recorded;
            rows += parts[i].Rows;
        }
        Shape shape = new(rows, parts[0].Width);
        Tensor y;
        if (adjacent)
        {
            y = parts[0].At(0, shape);
        }
        else
        {
            y = run.Arena.Allocate(shape);
            int row = 0;
            foreach (Tensor part in parts)
            {
                part.Span.CopyTo(y.ViewRows(row, part.Rows).Span);
                row += part.Rows;
            }
        }
        return run.Tape is not null && recorded ? run.Tape.Record(run, y, new RowConcatNode(parts.ToArray())) : y;
    }

    private sealed class RowConcatNode(Tensor[] parts) : Node
    {
        public override void Backward(Run run, ref Backprop gradient)
        {
            int row = 0;
            foreach (Tensor part in parts)
            {
                gradient.Add(part, gradient.Output.ViewRows(row, part.Rows));
                row += part.Rows;
            }
        }
    }
}
