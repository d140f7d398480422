using Lorikeet.Kernels;

namespace Lorikeet.Tensors;

/// <summary>Adds one vector to every row: y[i, :] += scale * row.</summary>
/// <remarks>Backward: dy passes; drow = scale * sum over i of dy[i, :].</remarks>
public static class AddRow
{
    /// <summary>Adds in place; the result shares the memory of <paramref name="y"/>, whose old value is gone.</summary>
    /// <param name="run">The run.</param>
    /// <param name="y">[rows, width], overwritten.</param>
    /// <param name="row">[width].</param>
    /// <param name="scale">Multiplies the vector.</param>
    public static Tensor Into(Run run, in Tensor y, in Tensor row, float scale = 1f)
    {
        if (row.Shape.Length != y.Width)
        {
            throw new ArgumentException($"add a row: {row.Shape} to rows of {y.Shape}");
        }
        run.Tape?.Overwrite(y);
        if (scale == 1f)
        {
            Elementwise.AddRow(row.Span, y.Span, y.Width);
        }
        else
        {
            ArenaMark mark = run.Arena.Mark;
            Tensor scaled = run.Arena.Allocate(row.Shape);
            Elementwise.Scale(row.Span, scale, scaled.Span);
            Elementwise.AddRow(scaled.Span, y.Span, y.Width);
            run.Arena.Release(mark);
        }
        return run.Tape is not null && (y.Recorded || row.Recorded) ? run.Tape.Record(run, y, new AddRowNode(y, row, scale)) : y;
    }

    private sealed class AddRowNode(Tensor y, Tensor row, float scale) : Node
    {
        public override void Backward(Run run, ref Backprop gradient)
        {
            Tensor dy = gradient.Output;
            if (gradient.Wants(row))
            {
                if (scale == 1f)
                {
                    Tensor d = gradient.GradientOf(row, out bool accumulate);
                    Reduce.SumColumns(dy.Span, dy.Width, d.Span, accumulate);
                }
                else
                {
                    ArenaMark mark = run.Arena.Mark;
                    Tensor sum = run.Arena.Allocate(row.Shape);
                    Reduce.SumColumns(dy.Span, dy.Width, sum.Span, false);
                    Elementwise.AddScaled(scale, sum.Span, gradient.GradientToAddTo(row).Span);
                    run.Arena.Release(mark);
                }
            }
            gradient.Give(y);
        }
    }
}
