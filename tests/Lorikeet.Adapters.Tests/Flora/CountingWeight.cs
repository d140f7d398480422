using Lorikeet.Tensors;

namespace Lorikeet.Adapters.Tests.Flora;

/// <summary>A weight that counts the products with it and the rows that went through them.</summary>
internal sealed class CountingWeight(Weight inner) : Weight
{
    public int Products { get; private set; }

    public long Rows { get; private set; }

    public long RowsBack { get; private set; }

    public override int Outputs => inner.Outputs;

    public override int Inputs => inner.Inputs;

    public override long Bytes => inner.Bytes;

    public override string Format => inner.Format;

    public override void Multiply(Run run, in Prepared x, in Tensor y)
    {
        Products++;
        Rows += x.X.Rows;
        inner.Multiply(run, x, y);
    }

    public override void MultiplyTransposed(Run run, in Tensor dy, in Tensor dx, bool accumulate)
    {
        RowsBack += dy.Rows;
        inner.MultiplyTransposed(run, dy, dx, accumulate);
    }

    public override void Read(int row, Span<float> to) => inner.Read(row, to);

    protected override void Dispose(bool disposing) => inner.Dispose();
}
