namespace Lorikeet.Kernels;

/// <summary>Coded rows times matrices in panels, all of one input: a chunk is a block of rows and a range of panels, which may cross matrices.</summary>
/// <remarks>
/// One row is bound by reading the matrix, straight through; a few dozen rows by arithmetic. Rows of a chunk stay in the second-level cache while panels
/// stream past; a panel's codes are taken in pieces of 1024 inputs, so that they stay in the first level for all tiles of rows. Scales are widened
/// to float32 once for a panel and a chunk.
/// </remarks>
internal unsafe struct IntegerProduct<TFormat> : IJob
    where TFormat : struct, IPanelFormat
{
    private const int Lanes = IntegerTile.Lanes;
    private const int PieceBlocks = 32;
    private const int LeastPanels = 4;

    // Bytes to fetch ahead, by measurement: the hardware's own streams stop at each page, and reach too short for few rows of long panels.
    private const int Ahead = 8192;

    // Bytes of coded rows that may stay in the second-level cache.
    private const int RowsBytes = 256 << 10;

    // How many times faster than float32 the arithmetic is at least.
    private const double Faster = 2;

    private byte* x;
    private int rows;
    private int inputs;
    private PackedPart* parts;
    private IntegerVariant variant;
    private bool gated;
    private int panels;
    private int unit;
    private int units;
    private int ranges;
    private int rowBlock;
    private int rowBlocks;
    private LowRankChanges* changes;
    private int shrinks;

    public static void Run(byte* x, int rows, int inputs, PackedPart* parts, int count, IntegerVariant variant)
    {
        // Panels that one thread makes together: where results are coded, blocks of them.
        int panels = 0, unit = 1;
        double elements = 0;
        for (int i = 0; i < count; i++)
        {
            panels += Panels(parts[i]);
            unit = parts[i].After.Coded is null ? unit : CodedRows.Values / Lanes;
            elements += (double)parts[i].Outputs * inputs;
            KernelWork.Count(rows, parts[i].Outputs, inputs, (double)parts[i].Outputs * inputs * TFormat.Format.Bytes / TFormat.Format.Values);
        }
        double bytes = elements * TFormat.Format.Bytes / TFormat.Format.Values;
        bool reading = elements * rows / (Faster * WorkSplit.FusedPerNanosecond) < bytes / WorkSplit.BytesPerNanosecond;
        int chunks = WorkSplit.Chunks(WorkSplit.Nanoseconds(elements * rows / Faster, bytes), int.MaxValue, reading);
        bool gated = PackedPart.AreGated(parts, count);
        panels = gated ? panels / 2 : panels;
        int most = Math.Max(RowsBytes / CodedRows.RowBytes(inputs), 4 * IntegerTile.Most);
        int ranges = Math.Min(chunks, (panels + LeastPanels - 1) / LeastPanels);
        ranges = parts->After.Changes is null ? ranges : LowRankChanges.Ranges(ranges);
        int rowBlocks = Math.Max((rows + most - 1) / most, Math.Min((chunks + ranges - 1) / ranges, (rows + 15) / 16));
        int rowBlock = ((rows + rowBlocks - 1) / rowBlocks + IntegerTile.Most - 1) / IntegerTile.Most * IntegerTile.Most;
        IntegerProduct<TFormat> job = new()
        {
            x = x,
            rows = rows,
            inputs = inputs,
            parts = parts,
            variant = variant,
            gated = gated,
            panels = panels,
            unit = unit,
            units = (panels + unit - 1) / unit,
            ranges = ranges,
            rowBlock = rowBlock,
            rowBlocks = (rows + rowBlock - 1) / rowBlock,
        };
        job.changes = parts->After.Changes;
        job.shrinks = job.changes is null ? 0 : job.changes->Begin(KernelPath.Current, job.rowBlocks * ranges);
        Team.Shared.Run(ref job, job.shrinks + (job.rowBlocks * ranges));
    }

    /// <inheritdoc/>
    public readonly void Execute(int chunk)
    {
        if (chunk < shrinks)
        {
            changes->Shrink(chunk);
            return;
        }
        chunk -= shrinks;
        int range = chunk / rowBlocks;
        int first = chunk % rowBlocks * rowBlock;
        int count = Math.Min(rowBlock, rows - first);
        int panel = (int)((long)units * range / ranges) * unit;
        int end = Math.Min(panels, (int)((long)units * (range + 1) / ranges) * unit);
        if (gated)
        {
            // One thread makes both results of a column, and has them at hand for what follows.
            Multiply(parts[0], panel, end, first, count);
            Multiply(parts[1], panel, end, first, count);
            return;
        }
        for (PackedPart* part = parts; panel < end; part++)
        {
            int own = Panels(*part);
            Multiply(*part, panel, Math.Min(own, end), first, count);
            panel = Math.Max(panel - own, 0);
            end -= own;
        }
    }

    // Some panels of a part, and what follows their product.
    private readonly void Multiply(in PackedPart part, int panel, int end, int first, int count)
    {
        if (panel >= end)
        {
            return;
        }
        int blocks = inputs / CodedRows.Values;
        int scaleFloats = blocks * TFormat.Groups * Lanes;
        float* scales = (float*)ThreadScratch.Take((nuint)((scaleFloats + (blocks * Lanes)) * sizeof(float)));
        float* offsets = scales + scaleFloats;
        long panelBytes = BlockPanels<TFormat>.PanelBytes(inputs);
        for (int p = panel; p < end; p++)
        {
            byte* data = part.Packed + (p * panelBytes);
            TFormat.Scales(data, inputs, 0, blocks, scales, offsets);
            Panel(data + TFormat.HeaderBytes(inputs), scales, offsets, first, count, part.Y + (p * Lanes), part.Outputs, Math.Min(Lanes, part.Outputs - (p * Lanes)));
        }
        if (!part.After.IsNone)
        {
            part.After.Apply(part.Y, part.Outputs, first, count, panel * Lanes, Math.Min(end * Lanes, part.Outputs) - (panel * Lanes));
        }
    }

    private static int Panels(in PackedPart part) => (part.Outputs + Lanes - 1) / Lanes;

    private readonly void Panel(byte* codes, float* scales, float* offsets, int first, int count, float* y, int outputs, int lanes)
    {
        int blocks = inputs / CodedRows.Values;
        int rowBytes = CodedRows.RowBytes(inputs);
        float* edge = stackalloc float[IntegerTile.Most * Lanes];
        for (int b = 0; b < blocks; b += PieceBlocks)
        {
            int piece = Math.Min(PieceBlocks, blocks - b);
            for (int r = 0, tile; r < count; r += tile)
            {
                tile = IntegerTile.Next(count - r);
                byte* from = x + ((long)(first + r) * rowBytes) + (b * CodedRows.BlockBytes);
                float* to = y + ((long)(first + r) * outputs);
                byte* own = codes + ((long)b * TFormat.CodeBytes);
                float* scale = scales + (b * TFormat.Groups * Lanes), offset = offsets + (b * Lanes);
                if (lanes == Lanes)
                {
                    Tile(tile, from, rowBytes, own, scale, offset, piece, to, outputs, b > 0, r == 0 ? Ahead : 0);
                    continue;
                }
                Copy(to, outputs, edge, Lanes, tile, lanes);
                Tile(tile, from, rowBytes, own, scale, offset, piece, edge, Lanes, b > 0, r == 0 ? Ahead : 0);
                Copy(edge, Lanes, to, outputs, tile, lanes);
            }
        }
    }

    private readonly void Tile(int tile, byte* from, int rowBytes, byte* codes, float* scales, float* offsets, int blocks, float* to, int stride, bool load, nint ahead)
    {
        switch (variant)
        {
            case IntegerVariant.AvxVnni:
                IntegerTile.Run<TFormat, VnniDot>(tile, from, rowBytes, codes, scales, offsets, blocks, to, stride, load, ahead);
                break;
            case IntegerVariant.Avx2 when TFormat.Narrow:
                IntegerTile.Run<TFormat, NarrowDot>(tile, from, rowBytes, codes, scales, offsets, blocks, to, stride, load, ahead);
                break;
            case IntegerVariant.Avx2 when TFormat.ZeroShift == 7:
                IntegerTile.Run<TFormat, SignedDot>(tile, from, rowBytes, codes, scales, offsets, blocks, to, stride, load, ahead);
                break;
            case IntegerVariant.Avx2:
                IntegerTile.Run<TFormat, PairDot>(tile, from, rowBytes, codes, scales, offsets, blocks, to, stride, load, ahead);
                break;
            default:
                ScalarTile(tile, from, rowBytes, codes, scales, offsets, blocks, to, stride, load);
                break;
        }
    }

    /// <summary>The reference: plain loops over (row, lane, block, input).</summary>
    private static void ScalarTile(int tile, byte* from, int rowBytes, byte* codes, float* scales, float* offsets, int blocks, float* to, int stride, bool load)
    {
        int zero = TFormat.Offsets ? 0 : 1 << TFormat.ZeroShift;
        int width = CodedRows.Values / TFormat.Groups;
        for (int i = 0; i < tile * Lanes; i++)
        {
            int row = i / Lanes, lane = i % Lanes;
            float sum = load ? to[(row * stride) + lane] : 0f;
            for (int b = 0; b < blocks; b++)
            {
                byte* x = from + ((long)row * rowBytes) + (b * CodedRows.BlockBytes);
                float scale = *(float*)(x + CodedRows.ScaleAt);
                for (int g = 0; g < TFormat.Groups; g++)
                {
                    int dot = 0;
                    for (int k = g * width; k < (g + 1) * width; k++)
                    {
                        dot += (TFormat.Code(codes + ((long)b * TFormat.CodeBytes), lane, k) - zero) * (sbyte)x[k];
                    }
                    sum = MathF.FusedMultiplyAdd(dot, scales[(((b * TFormat.Groups) + g) * Lanes) + lane] * scale, sum);
                }
                if (TFormat.Offsets)
                {
                    sum = MathF.FusedMultiplyAdd(offsets[(b * Lanes) + lane], *(int*)(x + CodedRows.SumAt) * scale, sum);
                }
            }
            to[(row * stride) + lane] = sum;
        }
    }

    private static void Copy(float* from, int fromStride, float* to, int toStride, int rows, int lanes)
    {
        for (int r = 0; r < rows; r++)
        {
            for (int l = 0; l < lanes; l++)
            {
                to[(r * toStride) + l] = from[(r * fromStride) + l];
            }
        }
    }
}
