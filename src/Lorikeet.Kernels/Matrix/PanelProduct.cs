using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Lorikeet.Kernels;

/// <summary>Every product of more than a few rows: blocks of rows times ranges of panels, shared out over the team. Bound by arithmetic.</summary>
/// <remarks>
/// A chunk is a block of rows and a range of panels. k is cut into blocks of at most 256: the panels' block of a tile stays in the first-level
/// cache while the rows' block streams past it from the second level. Partial sums are stored and loaded again between blocks of k, which leaves each
/// element one chain. Where the rows fit the second level in their whole depth, panels are the outer loop and the matrix is read straight
/// through; else blocks of k are. Several products that are added up follow one another within a chunk. Rows that lie a multiple of 4 KB apart would fight for the same cache sets: they are copied together once, before the
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

    private PanelOperand* operands;
    private int operandCount;
    private int columns;
    private float* y;
    private bool accumulate;
    private bool merge;
    private bool apart;
    private bool straight;
    private float scale;
    private int rows;
    private int rowBlock;
    private int rowBlocks;
    private int panels;
    private int ranges;
    private NextLines later;
    private Epilogue after;
    private int shrinks;

    /// <summary>
    /// With chainFromY: <c>y = fma chain from (accumulate ? y : 0)</c>. Without: the chain starts at 0 and the result is
    /// <c>accumulate ? fma(scale, chain, y) : scale * chain</c>. <paramref name="after"/> is done to the results.
    /// </summary>
    public static void Run(in PanelSource source, float* x, bool transposeX, int rows, float* y, bool accumulate, float scale, bool chainFromY, in Epilogue after = default)
    {
        PanelOperand operand = new() { Source = source, X = x };
        Run(&operand, 1, transposeX, rows, y, accumulate, scale, chainFromY, after);
    }

    /// <summary>The same with the products of several operands as one chain after the other: <c>y = fma chains from (accumulate ? y : 0)</c>.</summary>
    /// <remarks>Only the left side of a single operand may be stored transposed, or lie as <see cref="LeftBlocks.Clash"/> says.</remarks>
    public static void Run(PanelOperand* operands, int count, int rows, float* y, bool accumulate) =>
        Run(operands, count, transposeX: false, rows, y, accumulate, scale: 1f, chainFromY: true, default);

    private static void Run(PanelOperand* operands, int count, bool transposeX, int rows, float* y, bool accumulate, float scale, bool chainFromY, in Epilogue after)
    {
        PanelSource source = operands[0].Source;
        int panels = (source.Columns + Lanes - 1) / Lanes;
        int units = (panels + TTiles.Panels - 1) / TTiles.Panels;
        int blocks = 0, depth = 0, padded = 0;
        for (int i = 0; i < count; i++)
        {
            int own = operands[i].Source.Depth;
            int ownBlocks = (own + DepthBlock - 1) / DepthBlock;
            operands[i].DepthBlock = ((own + ownBlocks - 1) / ownBlocks + Lanes - 1) / Lanes * Lanes;
            (operands[i].XStride, operands[i].XBlockStride) = (own, operands[i].DepthBlock);
            (blocks, depth, padded) = (blocks + ownBlocks, depth + own, padded + (ownBlocks * operands[i].DepthBlock));
        }
        double fused = (double)rows * source.Columns * depth;
        double bytes = (double)source.Columns * depth * source.Type.Size();
        int chunks = WorkSplit.Chunks(WorkSplit.Nanoseconds(fused, bytes, TTiles.FusedPerNanosecond), Team.Shared.Threads * ChunksOfThread);
        // Ranges of panels first: each block of rows reads, expands or packs every panel again. Rows next; short ranges where nothing else is left.
        int fewest = (rows + MostRowBlock - 1) / MostRowBlock;
        int leastPanels = source.Stored ? LeastPanelsStored : LeastPanelsMade;
        int leastRows = source.Stored ? LeastRowsStored : LeastRowsMade;
        int ranges = Math.Min((chunks + fewest - 1) / fewest, (panels + leastPanels - 1) / leastPanels);
        int rowBlocks = Math.Max(fewest, Math.Min((chunks + ranges - 1) / ranges, (rows + leastRows - 1) / leastRows));
        ranges = Math.Min(units, Math.Max(ranges, (chunks + rowBlocks - 1) / rowBlocks));
        int rowBlock = ((rows + rowBlocks - 1) / rowBlocks + TTiles.RowMultiple - 1) / TTiles.RowMultiple * TTiles.RowMultiple;
        bool merge = !chainFromY && (accumulate || scale != 1f);
        PanelProduct<TTiles> job = new()
        {
            operands = operands,
            operandCount = count,
            columns = source.Columns,
            y = y,
            accumulate = accumulate,
            merge = merge,
            apart = merge || (blocks > 1 && LeftBlocks.Clash(source.Columns, halves: true)),
            straight = (long)rowBlock * padded <= TTiles.StraightFloats,
            scale = scale,
            rows = rows,
            rowBlock = rowBlock,
            rowBlocks = (rows + rowBlock - 1) / rowBlock,
            panels = panels,
            ranges = ranges,
            after = after,
        };
        if (source.Stored)
        {
            job.later = NextReads.Lines;
        }
        if (transposeX || (count == 1 && LeftBlocks.Clash(source.Depth, source.Stored && source.Type != ElementType.F32)))
        {
            int depthBlock = operands[0].DepthBlock;
            operands[0].X = LeftBlocks.Copy(operands[0].X, transposeX, rows, source.Depth, depthBlock);
            (operands[0].XStride, operands[0].XBlockStride) = (depthBlock, (nint)rows * depthBlock);
        }
        job.shrinks = after.Changes is null ? 0 : after.Changes->Begin(TTiles.Variant, job.rowBlocks * ranges);
        Team.Shared.Run(ref job, job.shrinks + (job.rowBlocks * ranges));
    }

    /// <inheritdoc/>
    public readonly void Execute(int chunk)
    {
        if (chunk < shrinks)
        {
            after.Changes->Shrink(chunk);
            return;
        }
        chunk -= shrinks;
        int range = chunk / rowBlocks;
        int firstRow = chunk % rowBlocks * rowBlock;
        int count = Math.Min(rowBlock, rows - firstRow);
        int units = (panels + TTiles.Panels - 1) / TTiles.Panels;
        int firstPanel = (int)((long)units * range / ranges) * TTiles.Panels;
        int endPanel = Math.Min(panels, (int)((long)units * (range + 1) / ranges) * TTiles.Panels);
        int span = straight ? StraightPanels : endPanel - firstPanel;
        long panelFloats = 0;
        for (int i = 0; i < operandCount; i++)
        {
            PanelSource source = operands[i].Source;
            panelFloats = Math.Max(panelFloats, source.Stored ? 0 : PanelSource.ScratchFloats(source.Together(TTiles.Panels), operands[i].DepthBlock));
        }
        long apartFloats = apart ? (long)count * span * Lanes : 0;
        float* scratch = (float*)ThreadScratch.Take((nuint)((panelFloats + apartFloats) * sizeof(float)));
        bool fromResult = accumulate && !merge;
        int depth = operands[0].Source.Depth, blocks = (depth + operands[0].DepthBlock - 1) / operands[0].DepthBlock;
        int places = (endPanel - firstPanel + TTiles.Panels - 1) / TTiles.Panels * blocks;
        NextLines lines = later.Share(chunk, chunk + 1, (long)rowBlocks * ranges, Math.Max(places, 1));
        for (int first = firstPanel; first < endPanel; first += span)
        {
            int end = Math.Min(first + span, endPanel);
            int width = Math.Min(columns, end * Lanes) - first * Lanes;
            float* result = y + (long)firstRow * columns + first * Lanes;
            float* target = apart ? scratch + panelFloats : result;
            nint stride = apart ? span * Lanes : columns;
            if (apart && fromResult)
            {
                Copy(result, columns, target, stride, count, width);
            }
            for (int i = 0; i < operandCount; i++)
            {
                MultiplySpan(operands[i], i > 0 || fromResult, first, end, firstRow, count, scratch, target, stride, ref lines);
            }
            if (merge)
            {
                Merge(target, stride, result, count, width);
            }
            else if (apart)
            {
                Copy(target, stride, result, columns, count, width);
            }
            if (!after.IsNone)
            {
                after.Apply(y, columns, firstRow, count, first * Lanes, width);
            }
        }
    }

    // Some panels of one operand, in all their depth.
    private readonly void MultiplySpan(
        in PanelOperand operand, bool continues, int first, int end, int firstRow, int count, float* scratch, float* target, nint stride, ref NextLines later)
    {
        int together = operand.Source.Together(TTiles.Panels), depth = operand.Source.Depth, depthBlock = operand.DepthBlock;
        float* left = operand.X + (firstRow * operand.XStride);
        if (straight)
        {
            for (int p = first; p < end; p += together)
            {
                for (int block = 0; block * depthBlock < depth; block++)
                {
                    MultiplyPanels(operand, continues, p, Math.Min(together, end - p), block, left, count, scratch, target + (p - first) * Lanes, stride, ref later);
                }
            }
            return;
        }
        for (int block = 0; block * depthBlock < depth; block++)
        {
            for (int p = first; p < end; p += together)
            {
                MultiplyPanels(operand, continues, p, Math.Min(together, end - p), block, left, count, scratch, target + (p - first) * Lanes, stride, ref later);
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
    [SkipLocalsInit]
    private readonly void MultiplyPanels(
        in PanelOperand operand, bool continues, int first, int some, int block, float* left, int count, float* scratch, float* to, nint stride, ref NextLines later)
    {
        PanelSource source = operand.Source;
        nint xStride = operand.XStride;
        int k = block * operand.DepthBlock;
        int depth = Math.Min(operand.DepthBlock, source.Depth - k);
        PanelBlock panel = source.Panels(first, some, k, depth, scratch, operand.DepthBlock * Lanes);
        bool load = k > 0 || continues;
        // What lies after this block is fetched meanwhile, each tile its share.
        nint next = source.After(TTiles.Panels, depth, straight, out nint bytes);
        int tiles = TTiles.Tiles(count);
        TileFetches fetches = default;
        byte** lines = stackalloc byte*[TileFetches.MostLines + NextLines.Slack + 1];
        left += block * operand.XBlockStride;
        for (int p = first; p < first + some; p += TTiles.Panels, panel.Data += TTiles.Panels * panel.Apart, to += TTiles.Panels * Lanes)
        {
            int lanes = Math.Min(Math.Min(TTiles.Panels, first + some - p) * Lanes, columns - (p * Lanes));
            int taken = later.Take(lines, TileFetches.Most(tiles, depth));
            // The second of a pair may not exist.
            lines[taken] = taken == 0 ? null : lines[taken - 1];
            fetches.Begin(tiles, depth, lines, taken, bytes);
            int r = 0;
            for (int tile = 0; tile < tiles; tile++)
            {
                int tileRows = TTiles.Next(count - r);
                Ahead ahead = fetches.Next(tile, panel.Data + next, panel.Apart, TTiles.Panels, bytes);
                TTiles.Run(panel, tileRows, left + (r * xStride), xStride, depth, to + (r * stride), stride, lanes, load, ahead);
                r += tileRows;
            }
        }
    }

    private readonly void Merge(float* sums, nint sumsStride, float* to, int count, int width)
    {
        Vector256<float> factor = Vector256.Create(scale);
        for (int r = 0; r < count; r++, sums += sumsStride, to += columns)
        {
            int c = 0;
            for (; c + 8 <= width; c += 8)
            {
                Vector256<float> sum = Avx.LoadVector256(sums + c);
                Avx.Store(to + c, accumulate ? Fma.MultiplyAdd(factor, sum, Avx.LoadVector256(to + c)) : Avx.Multiply(factor, sum));
            }
            for (; c < width; c++)
            {
                to[c] = accumulate ? MathF.FusedMultiplyAdd(scale, sums[c], to[c]) : scale * sums[c];
            }
        }
    }
}
