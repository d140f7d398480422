using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Lorikeet.Kernels;

/// <summary>Every product of more than a few rows: blocks of rows times ranges of panels, shared out over the team. Bound by arithmetic.</summary>
/// <remarks>
/// A chunk is a block of rows and a range of panels. k is cut into blocks of at most 256: the panels' block of a tile stays in the first-level
/// cache while the rows' block streams past it from the second level. Partial sums are stored and loaded again between blocks of k, which leaves each
/// element one chain. Where the rows fit the second level in their whole depth, panels are the outer loop and the matrix is read straight
/// through; else blocks of k are. Rows that lie a multiple of 4 KB apart would fight for the same cache sets: they are copied together once, before the
/// product. Sums that are loaded more than once are kept apart, side by side, for the same reason.
/// </remarks>
internal unsafe struct PanelProduct<TTiles> : IJob
    where TTiles : struct, ITiles
{
    private const int Lanes = PanelSource.Lanes;
    private const int DepthBlock = 256;
    private const int MostRowBlock = 240;

    // Panels of a range where rows can still be cut; and the least rows of a block, each of which reads its panels again, or makes them.
    private const int LeastPanelsStored = 8;
    private const int LeastPanelsMade = 4;
    private const int LeastRowsStored = 40;
    private const int LeastRowsMade = 120;

    // More chunks than this many for each thread even out nothing more.
    private const int ChunksOfThread = 24;

    // Panels whose sums are then written to y together: short writes to rows a power of two apart would evict each other half done.
    private const int StraightPanels = 8;

    private PanelSource source;
    private float* x;
    private nint xStride;
    private nint xBlockStride;
    private float* y;
    private bool accumulate;
    private bool merge;
    private bool apart;
    private bool straight;
    private float scale;
    private int rows;
    private int rowBlock;
    private int rowBlocks;
    private int depthBlock;
    private int panels;
    private int ranges;
    private NextPieces later;
    private Epilogue after;

    /// <summary>
    /// With chainFromY: <c>y = fma chain from (accumulate ? y : 0)</c>. Without: the chain starts at 0 and the result is
    /// <c>accumulate ? fma(scale, chain, y) : scale * chain</c>. <paramref name="after"/> is done to the results.
    /// </summary>
    public static void Run(in PanelSource source, float* x, bool transposeX, int rows, float* y, bool accumulate, float scale, bool chainFromY, in Epilogue after = default)
    {
        int panels = (source.Columns + Lanes - 1) / Lanes;
        int units = (panels + TTiles.Panels - 1) / TTiles.Panels;
        int blocks = (source.Depth + DepthBlock - 1) / DepthBlock;
        int depthBlock = ((source.Depth + blocks - 1) / blocks + Lanes - 1) / Lanes * Lanes;
        double fused = (double)rows * source.Columns * source.Depth;
        double bytes = (double)source.Columns * source.Depth * source.Type.Size();
        int chunks = WorkSplit.Chunks(WorkSplit.Nanoseconds(fused, bytes, TTiles.FusedPerNanosecond), Team.Shared.Threads * ChunksOfThread);
        // Ranges of panels first: each block of rows reads, expands or packs every panel again. Rows next; short ranges where nothing else is left.
        int fewest = (rows + MostRowBlock - 1) / MostRowBlock;
        int leastPanels = source.Stored ? LeastPanelsStored : LeastPanelsMade;
        int leastRows = source.Stored ? LeastRowsStored : LeastRowsMade;
        int ranges = Math.Min((chunks + fewest - 1) / fewest, (panels + leastPanels - 1) / leastPanels);
        int rowBlocks = Math.Max(fewest, Math.Min((chunks + ranges - 1) / ranges, (rows + leastRows - 1) / leastRows));
        ranges = Math.Min(units, Math.Max(ranges, (chunks + rowBlocks - 1) / rowBlocks));
        int rowBlock = ((rows + rowBlocks - 1) / rowBlocks + TTiles.RowMultiple - 1) / TTiles.RowMultiple * TTiles.RowMultiple;
        bool straight = (long)rowBlock * blocks * depthBlock <= TTiles.StraightFloats;
        bool merge = !chainFromY && (accumulate || scale != 1f);
        PanelProduct<TTiles> job = new()
        {
            source = source,
            x = x,
            xStride = source.Depth,
            xBlockStride = depthBlock,
            y = y,
            accumulate = accumulate,
            merge = merge,
            apart = merge || (blocks > 1 && LeftBlocks.Clash(source.Columns, halves: true)),
            straight = straight,
            scale = scale,
            rows = rows,
            rowBlock = rowBlock,
            rowBlocks = (rows + rowBlock - 1) / rowBlock,
            depthBlock = depthBlock,
            panels = panels,
            ranges = ranges,
            after = after,
        };
        if (source.Stored)
        {
            job.later = NextReads.Pieces(
                TileFetches.PieceBytes(source.Depth), (long)units * job.rowBlocks * TileFetches.Places(TTiles.Tiles(rowBlock)));
        }
        if (transposeX || LeftBlocks.Clash(source.Depth, source.Stored && source.Type != ElementType.F32))
        {
            job.x = LeftBlocks.Copy(x, transposeX, rows, source.Depth, depthBlock);
            job.xStride = depthBlock;
            job.xBlockStride = (nint)rows * depthBlock;
        }
        Team.Shared.Run(ref job, job.rowBlocks * ranges);
    }

    /// <inheritdoc/>
    public readonly void Execute(int chunk)
    {
        int range = chunk / rowBlocks;
        int firstRow = chunk % rowBlocks * rowBlock;
        int count = Math.Min(rowBlock, rows - firstRow);
        int units = (panels + TTiles.Panels - 1) / TTiles.Panels;
        int firstPanel = (int)((long)units * range / ranges) * TTiles.Panels;
        int endPanel = Math.Min(panels, (int)((long)units * (range + 1) / ranges) * TTiles.Panels);
        int together = source.Together(TTiles.Panels);
        int span = straight ? StraightPanels : endPanel - firstPanel;
        long panelFloats = source.Stored ? 0 : PanelSource.ScratchFloats(together, depthBlock);
        long apartFloats = apart ? (long)count * span * Lanes : 0;
        float* scratch = (float*)ThreadScratch.Take((nuint)((panelFloats + apartFloats) * sizeof(float)));
        float* left = x + (firstRow * xStride);
        bool fromResult = accumulate && !merge;
        NextPieces pieces = later;
        for (int first = firstPanel; first < endPanel; first += span)
        {
            int end = Math.Min(first + span, endPanel);
            int columns = Math.Min(source.Columns, end * Lanes) - first * Lanes;
            float* result = y + (long)firstRow * source.Columns + first * Lanes;
            float* target = apart ? scratch + panelFloats : result;
            nint stride = apart ? span * Lanes : source.Columns;
            if (apart && fromResult)
            {
                Copy(result, source.Columns, target, stride, count, columns);
            }
            if (straight)
            {
                for (int p = first; p < end; p += together)
                {
                    for (int block = 0; block * depthBlock < source.Depth; block++)
                    {
                        MultiplyPanels(p, Math.Min(together, end - p), block, left, chunk % rowBlocks, count, scratch, target + (p - first) * Lanes, stride, ref pieces);
                    }
                }
            }
            else
            {
                for (int block = 0; block * depthBlock < source.Depth; block++)
                {
                    for (int p = first; p < end; p += together)
                    {
                        MultiplyPanels(p, Math.Min(together, end - p), block, left, chunk % rowBlocks, count, scratch, target + (p - first) * Lanes, stride, ref pieces);
                    }
                }
            }
            if (merge)
            {
                Merge(target, stride, result, count, columns);
            }
            else if (apart)
            {
                Copy(target, stride, result, source.Columns, count, columns);
            }
            if (!after.IsNone)
            {
                after.Apply(y, source.Columns, firstRow, count, first * Lanes, columns);
            }
        }
    }

    private static void Copy(float* from, nint fromStride, float* to, nint toStride, int rows, int columns)
    {
        long bytes = (long)columns * sizeof(float);
        for (int r = 0; r < rows; r++, from += fromStride, to += toStride)
        {
            Buffer.MemoryCopy(from, to, bytes, bytes);
        }
    }

    // One block of k of some panels, times all rows of the chunk.
    private readonly void MultiplyPanels(
        int first, int some, int block, float* left, int rowsOf, int count, float* scratch, float* to, nint stride, ref NextPieces pieces)
    {
        int k = block * depthBlock;
        int depth = Math.Min(depthBlock, source.Depth - k);
        PanelBlock panel = source.Panels(first, some, k, depth, scratch, depthBlock * Lanes);
        bool load = k > 0 || (accumulate && !merge);
        // What lies after this block is fetched meanwhile, each tile its share.
        nint after = source.After(TTiles.Panels, depth, straight, out nint bytes);
        int tiles = TTiles.Tiles(count);
        TileFetches fetches = default;
        left += block * xBlockStride;
        for (int p = first; p < first + some; p += TTiles.Panels, panel.Data += TTiles.Panels * panel.Apart, to += TTiles.Panels * Lanes)
        {
            int lanes = Math.Min(Math.Min(TTiles.Panels, first + some - p) * Lanes, source.Columns - (p * Lanes));
            fetches.Begin(tiles, ref pieces, (((long)p / TTiles.Panels * rowBlocks) + rowsOf) * TileFetches.Places(TTiles.Tiles(rowBlock)));
            int r = 0;
            for (int tile = 0; tile < tiles; tile++)
            {
                int tileRows = TTiles.Next(count - r);
                Ahead ahead = fetches.Next(tile, panel.Data + after, panel.Apart, TTiles.Panels, bytes, k, depth);
                TTiles.Run(panel, tileRows, left + (r * xStride), xStride, depth, to + (r * stride), stride, lanes, load, ahead);
                r += tileRows;
            }
        }
    }

    private readonly void Merge(float* sums, nint sumsStride, float* to, int count, int columns)
    {
        Vector256<float> factor = Vector256.Create(scale);
        for (int r = 0; r < count; r++, sums += sumsStride, to += source.Columns)
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
