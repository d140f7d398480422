namespace Lorikeet.Kernels;

/// <summary>The rows of a product copied together, block of k by block of k: rows that are stored transposed, or whose addresses clash in the caches.</summary>
/// <remarks>Bound by memory: one job of its own, so that each number is copied once whatever chunks the product has.</remarks>
internal unsafe struct LeftBlocks : IJob
{
    private const int ChunkFloats = 32768;

    private float* from;
    private bool transposed;
    private int rows;
    private int depth;
    private int depthBlock;
    private int rowsOfChunk;
    private float* to;

    /// <summary>True where rows lie a multiple of 4 KB apart, or of 2 KB beside panels of float32: a tile's do not fit the cache sets that they share.</summary>
    /// <param name="depth">Floats of a row.</param>
    /// <param name="halves">The panels are read as halves, which leave more room.</param>
    public static bool Clash(int depth, bool halves) => depth % (halves ? 1024 : 512) == 0;

    /// <summary>Copies to the calling thread's scratch, [blocks of k][rows][depthBlock].</summary>
    /// <param name="from">[rows, depth], or stored [depth, rows].</param>
    /// <param name="transposed">The rows are stored transposed.</param>
    /// <param name="rows">Rows.</param>
    /// <param name="depth">Columns.</param>
    /// <param name="depthBlock">Columns of a block.</param>
    public static float* Copy(float* from, bool transposed, int rows, int depth, int depthBlock)
    {
        int blocks = (depth + depthBlock - 1) / depthBlock;
        int rowsOfChunk = Math.Max(16, ChunkFloats / depth / 16 * 16);
        LeftBlocks job = new()
        {
            from = from,
            transposed = transposed,
            rows = rows,
            depth = depth,
            depthBlock = depthBlock,
            rowsOfChunk = rowsOfChunk,
            to = (float*)ThreadScratch.TakeForCall((nuint)((long)blocks * rows * depthBlock * sizeof(float))),
        };
        Team.Shared.Run(ref job, (rows + rowsOfChunk - 1) / rowsOfChunk);
        return job.to;
    }

    /// <inheritdoc/>
    public readonly void Execute(int chunk)
    {
        int first = chunk * rowsOfChunk;
        int count = Math.Min(rowsOfChunk, rows - first);
        for (int k = 0; k < depth; k += depthBlock)
        {
            int some = Math.Min(depthBlock, depth - k);
            float* target = to + ((long)k * rows) + ((long)first * depthBlock);
            if (transposed)
            {
                Transposes.Copy(from + ((long)k * rows) + first, rows, some, count, target, depthBlock);
                continue;
            }
            for (int r = 0; r < count; r++)
            {
                new ReadOnlySpan<float>(from + ((long)(first + r) * depth) + k, some).CopyTo(new Span<float>(target + ((long)r * depthBlock), some));
            }
        }
    }
}
