using System.Buffers;

namespace Lorikeet.Kernels;

/// <summary>A frozen matrix [outputs, inputs] in blocks, repacked without loss into panels of 16 outputs, and its products.</summary>
/// <remarks>
/// <para>
/// Two ways to multiply. Coded: activations are 8-bit blocks (<see cref="CodedRows"/>); each 32 (or 16) inputs are one exact integer sum, and these are
/// one chain of fused multiply-adds over ascending inputs. Float32: the matrix is expanded panel by panel into the cache and multiplied as
/// <see cref="PackedMatrix"/> does: one chain over ascending inputs of the exact dequantised values.
/// </para>
/// <para>Both are batch invariant: a row's bits depend on the row and the matrix alone, not on the number of rows, the threads or the kernel variant.</para>
/// </remarks>
public abstract unsafe class BlockPanels
{
    private protected BlockPanels(BlockFormat format) => Format = format;

    /// <summary>All layouts; a new one is one line here.</summary>
    public static IReadOnlyList<BlockPanels> All { get; } =
    [
        new BlockPanels<PanelsQ8_0>(),
        new BlockPanels<PanelsQ4_0>(),
        new BlockPanels<PanelsQ4_K>(),
        new BlockPanels<PanelsQ6_K>(),
    ];

    /// <summary>The format of the blocks.</summary>
    public BlockFormat Format { get; }

    /// <summary>The layout of a format; null: there is none, see <see cref="StoredBlocks"/>.</summary>
    /// <param name="format">The format.</param>
    public static BlockPanels? Of(BlockFormat format) => All.FirstOrDefault(p => p.Format == format);

    /// <summary>Bytes of a packed matrix.</summary>
    /// <param name="outputs">Rows of the matrix.</param>
    /// <param name="inputs">Columns, whole blocks.</param>
    public abstract long ByteLength(int outputs, int inputs);

    /// <summary>Packs a matrix.</summary>
    /// <param name="blocks">[outputs, inputs] in the bytes of a GGUF file, row by row.</param>
    /// <param name="outputs">Rows of the matrix.</param>
    /// <param name="inputs">Columns, whole blocks.</param>
    /// <param name="packed">Receives <see cref="ByteLength"/> bytes.</param>
    /// <exception cref="InvalidDataException">A scale is infinite or NaN.</exception>
    public abstract void Pack(ReadOnlySpan<byte> blocks, int outputs, int inputs, Span<byte> packed);

    /// <summary>Takes a row out again, byte for byte as it was packed.</summary>
    /// <param name="packed">The packed matrix.</param>
    /// <param name="outputs">Rows of the matrix.</param>
    /// <param name="inputs">Columns.</param>
    /// <param name="row">The row, from 0.</param>
    /// <param name="blocks">Receives the row's blocks.</param>
    public abstract void Unpack(ReadOnlySpan<byte> packed, int outputs, int inputs, int row, Span<byte> blocks);

    /// <summary>The values of a row, exactly those of its blocks.</summary>
    /// <param name="packed">The packed matrix.</param>
    /// <param name="outputs">Rows of the matrix.</param>
    /// <param name="inputs">Columns.</param>
    /// <param name="row">The row, from 0.</param>
    /// <param name="to">[inputs].</param>
    public void ReadRow(ReadOnlySpan<byte> packed, int outputs, int inputs, int row, Span<float> to)
    {
        byte[] blocks = ArrayPool<byte>.Shared.Rent((int)Format.RowBytes(inputs));
        try
        {
            Unpack(packed, outputs, inputs, row, blocks);
            Format.Dequantise(blocks, to[..inputs]);
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(blocks);
        }
    }

    /// <summary>Multiplies coded rows: <c>y = x W^T</c>.</summary>
    /// <param name="coded">[rows] of <see cref="CodedRows"/>.</param>
    /// <param name="rows">Rows of x and y; 0 does nothing.</param>
    /// <param name="packed">The packed matrix.</param>
    /// <param name="outputs">Rows of the matrix.</param>
    /// <param name="inputs">Columns.</param>
    /// <param name="y">[rows, outputs].</param>
    public void MultiplyCoded(ReadOnlySpan<byte> coded, int rows, ReadOnlySpan<byte> packed, int outputs, int inputs, Span<float> y) =>
        MultiplyCoded(coded, rows, packed, outputs, inputs, y, IntegerVariants.Current);

    /// <summary>Multiplies coded rows by several transposed matrices of one input, as one job of the team: for each part <c>y = x W^T</c>.</summary>
    /// <param name="coded">[rows] of <see cref="CodedRows"/>.</param>
    /// <param name="rows">Rows of x; 0 does nothing.</param>
    /// <param name="inputs">Columns of x and of every matrix.</param>
    /// <param name="parts">The matrices, packed by this, and their results, and what follows; none has factors around it.</param>
    /// <exception cref="ArgumentException">A part has no matrix, no result, no outputs, or factors around it; or too few bytes of coded rows.</exception>
    public abstract void MultiplyCodedTogether(ReadOnlySpan<byte> coded, int rows, int inputs, ReadOnlySpan<PackedPart> parts);

    /// <summary>Multiplies in float32: <c>y = (accumulate ? y : 0) + x W^T</c>.</summary>
    /// <param name="x">[rows, inputs].</param>
    /// <param name="rows">Rows of x and y; 0 does nothing.</param>
    /// <param name="packed">The packed matrix.</param>
    /// <param name="outputs">Rows of the matrix.</param>
    /// <param name="inputs">Columns.</param>
    /// <param name="y">[rows, outputs]; must not overlap x.</param>
    /// <param name="accumulate">Chains start at y instead of zero.</param>
    public abstract void Multiply(ReadOnlySpan<float> x, int rows, ReadOnlySpan<byte> packed, int outputs, int inputs, Span<float> y, bool accumulate = false);

    /// <summary>Multiplies by the matrix itself in float32: <c>dx = (accumulate ? dx : 0) + dy W</c>.</summary>
    /// <param name="dy">[rows, outputs].</param>
    /// <param name="rows">Rows of dy and dx; 0 does nothing.</param>
    /// <param name="packed">The packed matrix.</param>
    /// <param name="outputs">Rows of the matrix.</param>
    /// <param name="inputs">Columns.</param>
    /// <param name="dx">[rows, inputs]; must not overlap dy.</param>
    /// <param name="accumulate">Chains start at dx instead of zero.</param>
    public abstract void MultiplyTransposed(ReadOnlySpan<float> dy, int rows, ReadOnlySpan<byte> packed, int outputs, int inputs, Span<float> dx, bool accumulate = false);

    internal abstract void MultiplyCoded(
        ReadOnlySpan<byte> coded, int rows, ReadOnlySpan<byte> packed, int outputs, int inputs, Span<float> y, IntegerVariant variant);
}
