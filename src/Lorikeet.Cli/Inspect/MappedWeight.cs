using Lorikeet.Tensors;

namespace Lorikeet.Cli.Inspect;

/// <summary>A matrix that stays in its file: its shape is known at once, rows are read when somebody asks.</summary>
/// <remarks>So a whole model can be looked at, converted, and adapters be matched against it, at the cost of the files' headers. Products work, row by row.</remarks>
internal abstract class MappedWeight : Weight
{
    private float[] row = [];

    /// <inheritdoc/>
    public override void Multiply(Run run, in Prepared x, in Tensor y)
    {
        for (int o = 0; o < Outputs; o++)
        {
            Span<float> w = ReadRow(o);
            for (int i = 0; i < x.X.Rows; i++)
            {
                Span<float> input = x.X.Row(i);
                float sum = 0;
                for (int k = 0; k < w.Length; k++)
                {
                    sum += w[k] * input[k];
                }
                y.Row(i)[o] = sum;
            }
        }
    }

    /// <inheritdoc/>
    public override void MultiplyTransposed(Run run, in Tensor dy, in Tensor dx, bool accumulate)
    {
        if (!accumulate)
        {
            dx.Span.Clear();
        }
        for (int o = 0; o < Outputs; o++)
        {
            Span<float> w = ReadRow(o);
            for (int i = 0; i < dx.Rows; i++)
            {
                Span<float> to = dx.Row(i);
                float share = dy.Row(i)[o];
                for (int k = 0; k < w.Length; k++)
                {
                    to[k] += share * w[k];
                }
            }
        }
    }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
    }

    private Span<float> ReadRow(int index)
    {
        row = row.Length == Inputs ? row : new float[Inputs];
        Read(index, row);
        return row;
    }
}
