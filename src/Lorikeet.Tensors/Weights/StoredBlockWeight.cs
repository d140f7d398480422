using Lorikeet.Kernels;

namespace Lorikeet.Tensors;

/// <summary>A frozen matrix in blocks of any format, kept as in its file and dequantised on the fly; arithmetic is float32.</summary>
public sealed class StoredBlockWeight : Weight
{
    private readonly BlockFormat format;
    private readonly Storage blocks;

    /// <summary>Copies blocks.</summary>
    /// <param name="format">Their format.</param>
    /// <param name="blocks">[outputs, inputs] in the bytes of a GGUF file, row by row.</param>
    /// <param name="outputs">Rows of the matrix.</param>
    /// <param name="inputs">Columns, whole blocks.</param>
    /// <exception cref="ArgumentException">The rows are no whole blocks, or there are too few bytes.</exception>
    public StoredBlockWeight(BlockFormat format, ReadOnlySpan<byte> blocks, int outputs, int inputs)
    {
        ArgumentNullException.ThrowIfNull(format);
        long bytes = outputs * format.RowBytes(inputs);
        if (blocks.Length < bytes)
        {
            throw new ArgumentException($"{format.Name} [{outputs}, {inputs}] takes {bytes} bytes, found {blocks.Length}", nameof(blocks));
        }
        this.format = format;
        Outputs = outputs;
        Inputs = inputs;
        this.blocks = Weights.Allocate(Format, bytes, outputs, inputs);
        blocks[..(int)bytes].CopyTo(this.blocks.Span);
    }

    /// <inheritdoc/>
    public override int Outputs { get; }

    /// <inheritdoc/>
    public override int Inputs { get; }

    /// <inheritdoc/>
    public override long Bytes => blocks.Bytes;

    /// <inheritdoc/>
    public override string Format => format.Name.ToLowerInvariant();

    /// <inheritdoc/>
    public override BlockFormat? Blocks => format;

    /// <inheritdoc/>
    public override void Multiply(Run run, in Prepared x, in Tensor y) =>
        StoredBlocks.Multiply(format, x.X.Span, x.X.Rows, blocks.Span, Outputs, Inputs, y.Span);

    /// <inheritdoc/>
    public override void MultiplyTransposed(Run run, in Tensor dy, in Tensor dx, bool accumulate) =>
        StoredBlocks.MultiplyTransposed(format, dy.Span, dy.Rows, blocks.Span, Outputs, Inputs, dx.Span, accumulate);

    /// <inheritdoc/>
    public override void Read(int row, Span<float> to) => format.Dequantise(Row(row), to[..Inputs]);

    /// <inheritdoc/>
    public override void ReadBlocks(int row, Span<byte> to) => Row(row).CopyTo(to);

    /// <inheritdoc/>
    protected override void Dispose(bool disposing) => blocks.Dispose();

    private Span<byte> Row(int row)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual((uint)row, (uint)Outputs, nameof(row));
        int bytes = (int)format.RowBytes(Inputs);
        return blocks.Span.Slice(row * bytes, bytes);
    }
}
