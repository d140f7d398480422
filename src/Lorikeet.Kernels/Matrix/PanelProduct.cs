using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Lorikeet.Kernels;

/// <summary>Every product of more than a few rows: blocks of rows times ranges of panels, shared out over the team.</summary>
/// <remarks>
/// A chunk is a block of rows and a range of panels. It walks k in blocks of at most 256: a panel's block is 16 KB and stays in the first-level
/// cache while the rows' block, copied together once (strided rows of a power of two would fight for the same cache sets), streams past it
/// from the second level. Partial sums are stored and loaded again between blocks of k, which leaves each element one chain.
/// </remarks>
internal unsafe struct PanelProduct : IJob
{
    private const int Lanes = TileKernel.Lanes;
    private const int DepthBlock = 256;
    private const int MostRowBlock = 240;
    private const int LeastPanels = 12;

    private PanelSource source;
    private float* x;
    private float* y;
    private bool transposeX;
    private bool accumulate;
    private bool apart;
    private float scale;
    private int rows;
    private int rowBlock;
    private int rowBlocks;
    private int depthBlock;
    private int panels;
    private int ranges;

    /// <summary>
    /// With chainFromY: <c>y = fma chain from (accumulate ? y : 0)</c>. Without: the chain starts at 0 and the result is
    /// <c>accumulate ? fma(scale, chain, y) : scale * chain</c>.
    /// </summary>
    public static void Run(in PanelSource source, float* x, bool transposeX, int rows, float* y, bool accumulate, float scale, bool chainFromY)
    {
        int panels = (source.Columns + Lanes - 1) / Lanes;
        int blocks = (source.Depth + DepthBlock - 1) / DepthBlock;
        int depthBlock = ((source.Depth + blocks - 1) / blocks + Lanes - 1) / Lanes * Lanes;
        double fused = (double)rows * source.Columns * source.Depth;
        double bytes = (double)source.Columns * source.Depth * source.Type.Size();
        int chunks = WorkSplit.Chunks(WorkSplit.Nanoseconds(fused, bytes), int.MaxValue);
        // Ranges of panels first: each block of rows expands or packs every panel again. Rows next; short ranges where nothing else is left.
        int ranges = Math.Min(chunks, (panels + LeastPanels - 1) / LeastPanels);
        int rowBlocks = Math.Max((rows + MostRowBlock - 1) / MostRowBlock, Math.Min((chunks + ranges - 1) / ranges, (rows + 23) / 24));
        ranges = Math.Max(ranges, Math.Min(panels, (chunks + rowBlocks - 1) / rowBlocks));
        int rowBlock = ((rows + rowBlocks - 1) / rowBlocks + TileKernel.Most - 1) / TileKernel.Most * TileKernel.Most;
        PanelProduct job = new()
        {
            source = source,
            x = x,
            y = y,
            transposeX = transposeX,
            accumulate = accumulate,
            apart = !chainFromY && (accumulate || scale != 1f),
            scale = scale,
            rows = rows,
            rowBlock = rowBlock,
            rowBlocks = (rows + rowBlock - 1) / rowBlock,
            depthBlock = depthBlock,
            panels = panels,
            ranges = ranges,
        };
        Team.Shared.Run(ref job, job.rowBlocks * ranges);
    }

    /// <inheritdoc/>
    public readonly void Execute(int chunk)
    {
        int range = chunk / rowBlocks;
        int firstRow = chunk % rowBlocks * rowBlock;
        int count = Math.Min(rowBlock, rows - firstRow);
        int firstPanel = (int)((long)panels * range / ranges);
        int endPanel = (int)((long)panels * (range + 1) / ranges);
        int firstColumn = firstPanel * Lanes;
        int columns = Math.Min(source.Columns, endPanel * Lanes) - firstColumn;
        long leftFloats = (long)rowBlock * depthBlock;
        long panelFloats = (long)depthBlock * Lanes + PanelSource.BlockFloats;
        long apartFloats = apart ? (long)count * columns : 0;
        float* left = (float*)ThreadScratch.Take((nuint)((leftFloats + panelFloats + apartFloats) * sizeof(float)));
        float* panel = left + leftFloats;
        float* target = apart ? panel + panelFloats : y + (long)firstRow * source.Columns + firstColumn;
        nint stride = apart ? columns : source.Columns;
        for (int k = 0; k < source.Depth; k += depthBlock)
        {
            int depth = Math.Min(depthBlock, source.Depth - k);
            CopyLeft(firstRow, count, k, depth, left);
            bool load = k > 0 || (accumulate && !apart);
            for (int p = firstPanel; p < endPanel; p++)
            {
                byte* right = (byte*)source.Panel(p, k, depth, panel);
                int column = (p - firstPanel) * Lanes;
                MultiplyPanel(left, count, right, depth, target + column, stride, Math.Min(Lanes, columns - column), load);
            }
        }
        if (apart)
        {
            Merge(target, y + (long)firstRow * source.Columns + firstColumn, count, columns);
        }
    }

    private readonly void MultiplyPanel(float* left, int count, byte* right, int depth, float* to, nint stride, int lanes, bool load)
    {
        int r = 0;
        while (r < count)
        {
            int tile = TileKernel.Next(count - r);
            float* x = left + (long)r * depthBlock;
            if (lanes == Lanes)
            {
                TileKernel.Run<F32Element>(tile, x, depthBlock, right, Lanes * sizeof(float), depth, to + r * stride, stride, load);
            }
            else
            {
                TileKernel.RunEdge<F32Element>(tile, x, depthBlock, right, Lanes * sizeof(float), depth, to + r * stride, stride, lanes, load);
            }
            r += tile;
        }
    }

    private readonly void CopyLeft(int firstRow, int count, int k, int depth, float* left)
    {
        if (transposeX)
        {
            Transposes.Copy(x + (long)k * rows + firstRow, rows, depth, count, left, depthBlock);
            return;
        }
        float* from = x + (long)firstRow * source.Depth + k;
        long bytes = (long)depth * sizeof(float);
        for (int r = 0; r < count; r++)
        {
            Buffer.MemoryCopy(from + (long)r * source.Depth, left + (long)r * depthBlock, bytes, bytes);
        }
    }

    private readonly void Merge(float* sums, float* to, int count, int columns)
    {
        Vector256<float> factor = Vector256.Create(scale);
        for (int r = 0; r < count; r++, sums += columns, to += source.Columns)
        {
            int c = 0;
            for (; c + 8 <= columns; c += 8)
            {
                Vector256<float> sum = Avx.LoadVector256(sums + c);
                Avx.Store(to + c, accumulate ? Fma.MultiplyAdd(factor, sum, Avx.LoadVector256(to + c)) : Avx.Multiply(factor, sum));
            }
            for (; c < columns; c++)
            {
                to[c] = accumulate ? MathF.FusedMultiplyAdd(scale, sums[c], to[c]) : scale * sums[c];
            }
        }
    }
}
