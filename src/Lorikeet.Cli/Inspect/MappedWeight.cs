using Lorikeet.Kernels;
using Lorikeet.Models.Files;
using Lorikeet.Tensors;

namespace Lorikeet.Cli.Inspect;

/// <summary>A matrix that stays in its file: its shape is known at once, rows are read when somebody asks.</summary>
/// <remarks>So a whole model can be looked at, and adapters be matched against it, at the cost of the files' headers. Products work, row by row.</remarks>
/// <param name="file">The file; it must stay open.</param>
/// <param name="tensor">The matrix in it.</param>
/// <param name="transposed">It is stored as [inputs, outputs].</param>
internal sealed class MappedWeight(SafetensorsFile file, StoredTensor tensor, bool transposed = false) : Weight
{
    private float[] row = [];

    /// <inheritdoc/>
    public override int Outputs => (int)tensor.Shape[transposed ? 1 : 0];

    /// <inheritdoc/>
    public override int Inputs => (int)tensor.Shape[transposed ? 0 : 1];

    /// <summary>Bytes of memory that the matrix takes once it is loaded.</summary>
    public override long Bytes => PackedMatrix.ByteLength(Outputs, Inputs, SafetensorsFile.ToElementType(tensor.Type) ?? ElementType.F32);

    /// <inheritdoc/>
    public override string Format => tensor.Type.Name().ToLowerInvariant();

    /// <inheritdoc/>
    public override void Read(int row, Span<float> to)
    {
        if (!transposed)
        {
            file.ReadSingle(tensor, (long)row * Inputs, to[..Inputs]);
            return;
        }
        for (int i = 0; i < Inputs; i++)
        {
            file.ReadSingle(tensor, ((long)i * Outputs) + row, to.Slice(i, 1));
        }
    }

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
