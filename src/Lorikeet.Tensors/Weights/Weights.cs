using Lorikeet.Kernels;

namespace Lorikeet.Tensors;

/// <summary>Makes frozen weights from stored bytes.</summary>
public static class Weights
{
    /// <summary>A matrix in a GGUF format as it is stored: dense, packed for integer products, or dequantised on the fly.</summary>
    /// <param name="format">The format.</param>
    /// <param name="bytes">[outputs, inputs] row by row.</param>
    /// <param name="outputs">Rows of the matrix.</param>
    /// <param name="inputs">Columns, whole blocks.</param>
    /// <exception cref="InvalidDataException">A scale is infinite or NaN.</exception>
    /// <exception cref="ArgumentException">The rows are no whole blocks, or there are too few bytes.</exception>
    public static Weight FromBlocks(BlockFormat format, ReadOnlySpan<byte> bytes, int outputs, int inputs)
    {
        ArgumentNullException.ThrowIfNull(format);
        if (Element(format) is { } type)
        {
            return new DenseWeight(bytes, type, outputs, inputs, type);
        }
        return BlockPanels.Of(format) is { } panels
            ? new BlockWeight(panels, bytes, outputs, inputs)
            : new StoredBlockWeight(format, bytes, outputs, inputs);
    }

    /// <summary>Quantises a float32 matrix.</summary>
    /// <param name="format">The format.</param>
    /// <param name="rows">[outputs, inputs].</param>
    /// <param name="outputs">Rows of the matrix.</param>
    /// <param name="inputs">Columns, whole blocks.</param>
    /// <exception cref="InvalidDataException">The values are too large for the format's scales, or not finite.</exception>
    /// <exception cref="ArgumentException">The rows are no whole blocks.</exception>
    public static Weight Quantise(BlockFormat format, ReadOnlySpan<float> rows, int outputs, int inputs)
    {
        ArgumentNullException.ThrowIfNull(format);
        if (Element(format) is { } type)
        {
            return new DenseWeight(rows, outputs, inputs, type);
        }
        using Storage blocks = new(outputs * format.RowBytes(inputs));
        RowQuantiser.Run(format, rows, outputs, inputs, blocks.Span);
        return FromBlocks(format, blocks.Span, outputs, inputs);
    }

    /// <summary>The element type of a format without blocks; null: it has blocks.</summary>
    private static ElementType? Element(BlockFormat format) =>
        format == BlockFormat.F32 ? ElementType.F32 : format == BlockFormat.BF16 ? ElementType.BF16 : format == BlockFormat.F16 ? ElementType.F16 : null;

    internal static Storage Allocate(string format, long bytes, int outputs, int inputs) => bytes <= int.MaxValue
        ? Storage.ForWeights(bytes)
        : throw new ArgumentException($"a weight [{outputs}, {inputs}] takes {bytes} bytes as {format}, the most is {int.MaxValue}: keep it in a shorter format");
}
