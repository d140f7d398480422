namespace Lorikeet.Kernels;

/// <summary>Products of a matrix whose blocks lie row by row as in a file: for formats that have no panels of their own. Arithmetic is float32.</summary>
/// <remarks>Batch invariant as <see cref="BlockPanels"/>: one chain over ascending inputs of the dequantised values.</remarks>
public static unsafe class StoredBlocks
{
    /// <summary>Multiplies in float32: <c>y = (accumulate ? y : 0) + x W^T</c>.</summary>
    /// <param name="format">The format.</param>
    /// <param name="x">[rows, inputs].</param>
    /// <param name="rows">Rows of x and y; 0 does nothing.</param>
    /// <param name="blocks">[outputs, inputs] in blocks, row by row.</param>
    /// <param name="outputs">Rows of the matrix.</param>
    /// <param name="inputs">Columns, whole blocks.</param>
    /// <param name="y">[rows, outputs]; must not overlap x.</param>
    /// <param name="accumulate">Chains start at y instead of zero.</param>
    public static void Multiply(
        BlockFormat format, ReadOnlySpan<float> x, int rows, ReadOnlySpan<byte> blocks, int outputs, int inputs, Span<float> y, bool accumulate = false)
    {
        Check(format, blocks, outputs, inputs);
        fixed (byte* data = blocks)
        {
            Context context = new() { Data = data, Format = format.Id, Outputs = outputs, Inputs = inputs };
            new PanelExpansion { Expand = &Expand, Context = &context, ValueBytes = (double)format.Bytes / format.Values }.Multiply(x, rows, outputs, inputs, y, accumulate);
        }
    }

    /// <summary>Multiplies by the matrix itself in float32: <c>dx = (accumulate ? dx : 0) + dy W</c>.</summary>
    /// <param name="format">The format.</param>
    /// <param name="dy">[rows, outputs].</param>
    /// <param name="rows">Rows of dy and dx; 0 does nothing.</param>
    /// <param name="blocks">[outputs, inputs] in blocks, row by row.</param>
    /// <param name="outputs">Rows of the matrix.</param>
    /// <param name="inputs">Columns, whole blocks.</param>
    /// <param name="dx">[rows, inputs]; must not overlap dy.</param>
    /// <param name="accumulate">Chains start at dx instead of zero.</param>
    public static void MultiplyTransposed(
        BlockFormat format, ReadOnlySpan<float> dy, int rows, ReadOnlySpan<byte> blocks, int outputs, int inputs, Span<float> dx, bool accumulate = false)
    {
        Check(format, blocks, outputs, inputs);
        fixed (byte* data = blocks)
        {
            Context context = new() { Data = data, Format = format.Id, Outputs = outputs, Inputs = inputs };
            new PanelExpansion { Expand = &Expand, Context = &context, ValueBytes = (double)format.Bytes / format.Values }.MultiplyTransposed(dy, rows, outputs, inputs, dx, accumulate);
        }
    }

    private static void Check(BlockFormat format, ReadOnlySpan<byte> blocks, int outputs, int inputs)
    {
        ArgumentNullException.ThrowIfNull(format);
        ArgumentOutOfRangeException.ThrowIfLessThan(outputs, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(inputs, 1);
        Require.Bytes(blocks.Length, outputs * format.RowBytes(inputs), nameof(blocks));
    }

    // Row by row; blocks are dequantised whole, and what was asked for is copied into the panel's lane.
    private static void Expand(void* context, int panel, int from, int count, float* to)
    {
        const int Lanes = TileKernel.Lanes;
        const int Most = 256;
        Context* c = (Context*)context;
        BlockFormat format = Format(c->Format);
        Span<float> values = stackalloc float[Most];
        int lanes = Math.Min(Lanes, c->Outputs - (panel * Lanes));
        if (lanes < Lanes)
        {
            new Span<float>(to, count * Lanes).Clear();
        }
        int step = format.Values == 1 ? Most : format.Values;
        long rowBytes = format.RowBytes(c->Inputs);
        for (int k = from / step * step; k < from + count; k += step)
        {
            int some = Math.Min(step, c->Inputs - k);
            int start = Math.Max(k, from), end = Math.Min(k + some, from + count);
            for (int lane = 0; lane < lanes; lane++)
            {
                byte* row = c->Data + (((panel * Lanes) + lane) * rowBytes);
                format.Dequantise(new ReadOnlySpan<byte>(row + format.RowBytes(k), (int)format.RowBytes(some)), values[..some]);
                for (int i = start; i < end; i++)
                {
                    to[((i - from) * Lanes) + lane] = values[i - k];
                }
            }
        }
    }

    private static BlockFormat Format(int id)
    {
        // By index: an enumerator or a closure would be an allocation.
        int i = 0;
        while (BlockFormat.All[i].Id != id)
        {
            i++;
        }
        return BlockFormat.All[i];
    }

    private struct Context
    {
        public byte* Data;
        public int Format;
        public int Outputs;
        public int Inputs;
    }
}
