#pragma warning disable CA1051 // A record of pointers that kernels index: fields, as in every job struct.

namespace Lorikeet.Kernels;

/// <summary>
/// The low-rank changes of the products of one input: <c>y_site[row] += scale * w_row * (B (A x[row]) + bias)</c>, added by the threads that make y, while it is in their caches
/// and before what follows (<see cref="Epilogue"/>). Pointers stay valid and pinned for the call.
/// </summary>
/// <remarks>
/// h = A x of a row needs all of x, and every column of y needs all of h. So the first chunks of a product's job make h, and a chunk that made some columns waits for them
/// before it goes on: chunks are claimed in order, so they are done or under way, and no thread waits for a job to end. The bits are those of
/// <see cref="LowRank.Apply(ReadOnlySpan{LowRankSegment}, ReadOnlySpan{float}, int, ReadOnlySpan{LowRankResult})"/> after the product.
/// </remarks>
public unsafe struct LowRankChanges
{
    // The count of finished chunks has cache lines of its own at the room's beginning.
    private const int Head = 32;

    /// <summary>The segments; those of one site in the order in which they are added. A site is the number of a product.</summary>
    public LowRankSegment* First;

    /// <summary>How many.</summary>
    public int Count;

    /// <summary>[rows, inputs].</summary>
    public float* X;

    /// <summary>Columns of x.</summary>
    public int Inputs;

    /// <summary><see cref="RoomFloats"/> floats for h.</summary>
    public float* Room;

    private KernelVariant variant;
    private long work;
    private int chunks;

    /// <summary>Floats of <see cref="Room"/> that segments need.</summary>
    /// <param name="segments">The segments.</param>
    public static long RoomFloats(ReadOnlySpan<LowRankSegment> segments)
    {
        long floats = Head;
        foreach (ref readonly LowRankSegment segment in segments)
        {
            floats += (long)segment.Rows * LowRank.WidthOf(segment);
        }
        return floats;
    }

    /// <summary>Cuts the making of h into chunks, once for all jobs that need it; little work is done at once.</summary>
    /// <param name="with">The variant of every kernel.</param>
    /// <param name="others">Chunks of the job itself.</param>
    /// <returns>Chunks to run before the job's own.</returns>
    internal int Begin(KernelVariant with, int others)
    {
        if (chunks > 0)
        {
            return 0;
        }
        variant = with;
        double bytes = 0;
        long rows = 0;
        for (int i = 0; i < Count; i++)
        {
            long ofRow = (long)First[i].Rank * Inputs;
            (work, rows) = (work + (ofRow * First[i].Rows), rows + First[i].Rows);
            bytes += First[i].Rows > 0 ? (double)ofRow * FactorLayout.SizeOf(First[i].Type) : 0;
        }
        // Whole groups of rows that go together: less than a group takes as long.
        int groups = (int)Math.Clamp((rows + LowRank.Streams - 1) / LowRank.Streams, 1, int.MaxValue);
        int wanted = WorkSplit.Chunks(WorkSplit.Nanoseconds(work, bytes), groups), each = (groups + wanted - 1) / wanted;
        chunks = (groups + each - 1) / each;
        *(int*)Room = 0;
        if (chunks == 1 && others == 1)
        {
            Shrink(0);
            return 0;
        }
        return chunks;
    }

    /// <summary>Into how many ranges of columns a product is cut: one for each thread.</summary>
    /// <remarks>
    /// A range reads its columns of every adapter's B. With sixteen adapters of rank 16 in the usual ranges of 50 to 130 columns that is 2 to 4 KB here and there, which memory gives
    /// at half the rate of longer stretches (docs/performance.md).
    /// </remarks>
    /// <param name="wanted">How many it would be cut into without changes.</param>
    internal static int Ranges(int wanted) => Math.Min(wanted, Team.Shared.Threads);

    /// <summary>Makes h of some rows.</summary>
    /// <param name="chunk">The number of the chunk.</param>
    internal readonly void Shrink(int chunk)
    {
        try
        {
            LowRank.Shrink(variant, this, (long)((Int128)work * chunk / chunks), (long)((Int128)work * (chunk + 1) / chunks), Room + Head);
        }
        finally
        {
            Interlocked.Increment(ref *(int*)Room);
        }
    }

    /// <summary>Where B lies of some columns of a site.</summary>
    /// <param name="site">The site.</param>
    /// <param name="column">The first column, a multiple of 16.</param>
    /// <param name="end">The column after the last panel.</param>
    /// <param name="to">Receives the stretches, in the order in which they are read.</param>
    /// <param name="most">The most stretches; what is more is left out.</param>
    /// <returns>How many.</returns>
    internal readonly int RegionsOfB(int site, int column, int end, MemoryRegion* to, int most)
    {
        int regions = 0;
        for (int i = 0; i < Count && regions < most; i++)
        {
            if (First[i].Site == site && First[i].Rows > 0)
            {
                byte* first = LowRank.PanelOfB(First[i], Inputs, column), last = LowRank.PanelOfB(First[i], Inputs, end);
                to[regions++] = new MemoryRegion { Start = first, Bytes = last - first };
            }
        }
        return regions;
    }

    /// <summary>Adds to some rows and columns of a site's y, as soon as all h are made.</summary>
    /// <param name="site">The site.</param>
    /// <param name="y">[rows, outputs], all of it.</param>
    /// <param name="outputs">Columns of y.</param>
    /// <param name="row">The first row.</param>
    /// <param name="rows">How many.</param>
    /// <param name="column">The first column, a multiple of 16.</param>
    /// <param name="columns">How many.</param>
    internal readonly void Expand(int site, float* y, int outputs, int row, int rows, int column, int columns)
    {
        SpinWait spin = default;
        while (Volatile.Read(ref *(int*)Room) < chunks)
        {
            spin.SpinOnce(sleep1Threshold: -1);
        }
        LowRank.Expand(variant, this, Room + Head, site, y, outputs, row, rows, column, columns);
    }
}
