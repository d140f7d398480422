namespace Lorikeet.Kernels;

/// <summary>Grouped low-rank products: one job for a batch whose rows run with different adapters of different ranks, at all sites that read one input.</summary>
/// <remarks>
/// For each row of a segment: h = A x, each element one chain of fused multiply-adds over ascending inputs (int8: then multiplied by its rank's scale);
/// t = B h, one chain over ascending ranks from the bias or zero; <c>y = fma(scale * w, t, y)</c>. A row's result depends on the row and its adapter alone,
/// bit for bit. Rows that are alone with their adapter are bound by reading the factors, so they go four factors at a time: four streams hide the latency
/// of memory and of the chains. From six rows of an adapter on, panels are widened once and multiplied in tiles.
/// </remarks>
public static unsafe partial class LowRank
{
    // From so many rows of one adapter on, a widened panel pays.
    private const int TileRows = 6;

    // Rows of few that are gathered before they are worked on.
    private const int GroupRows = 64;

    /// <summary>Adds every segment's change at one site: effectively <c>y[row] += scale * w_row * (B (A x[row]) + bias)</c>; other rows stay untouched.</summary>
    /// <param name="segments">The segments, all of site 0; their rows must not overlap.</param>
    /// <param name="x">[rows, inputs].</param>
    /// <param name="inputs">Columns of x, at least 1.</param>
    /// <param name="y">[rows, outputs]; must not overlap x.</param>
    /// <param name="outputs">Columns of y, at least 1.</param>
    /// <exception cref="ArgumentException">A segment reaches beyond x or y, has no factors or a rank below 1.</exception>
    /// <exception cref="ArgumentOutOfRangeException">A size below 1.</exception>
    public static void Apply(ReadOnlySpan<LowRankSegment> segments, ReadOnlySpan<float> x, int inputs, Span<float> y, int outputs)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(outputs);
        fixed (float* to = y)
        {
            LowRankResult result = new() { Y = to, Rows = y.Length / outputs, Outputs = outputs };
            Apply(segments, x, inputs, new ReadOnlySpan<LowRankResult>(in result));
        }
    }

    /// <summary>Adds every segment's change at the sites that read one input: effectively <c>y_site[row] += scale * w_row * (B (A x[row]) + bias)</c>.</summary>
    /// <param name="segments">The segments; those of one site must not overlap in rows.</param>
    /// <param name="x">[rows, inputs].</param>
    /// <param name="inputs">Columns of x, at least 1.</param>
    /// <param name="results">What each site's changes are added to; none may overlap x or another.</param>
    /// <exception cref="ArgumentException">A segment reaches beyond x or y, has no factors, a rank below 1, an unknown type or an unknown site.</exception>
    /// <exception cref="ArgumentOutOfRangeException">A size below 1.</exception>
    public static void Apply(ReadOnlySpan<LowRankSegment> segments, ReadOnlySpan<float> x, int inputs, ReadOnlySpan<LowRankResult> results)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(inputs);
        for (int i = 0; i < segments.Length; i++)
        {
            Check(segments[i], i, x.Length / inputs, results);
        }
        fixed (LowRankSegment* list = segments)
        fixed (LowRankResult* to = results)
        fixed (float* left = x)
        {
            ApplyWith(KernelPath.Current, list, segments.Length, left, inputs, to);
        }
    }

    internal static void ApplyWith(KernelVariant variant, LowRankSegment* segments, int count, float* x, int inputs, LowRankResult* results)
    {
        double bytes = 0;
        long work = 0, rows = 0;
        for (int i = 0; i < count; i++)
        {
            LowRankSegment segment = segments[i];
            long each = WorkOfRow(segment, inputs, results);
            rows += segment.Rows;
            work += each * segment.Rows;
            bytes += segment.Rows > 0 ? each * (segment.Type == FactorType.F32 ? 4.0 : segment.Type == FactorType.BF16 ? 2.0 : 1.0) : 0;
        }
        if (work == 0)
        {
            return;
        }
        KernelWork.Count(1, work, 1, bytes);
        LowRankJob job = new()
        {
            Variant = variant,
            Segments = segments,
            Count = count,
            X = x,
            Inputs = inputs,
            Results = results,
            Work = work,
            Chunks = WorkSplit.Chunks(WorkSplit.Nanoseconds(work, bytes), (int)Math.Min(rows, int.MaxValue)),
        };
        Team.Shared.Run(ref job, job.Chunks);
    }

    private static long WorkOfRow(in LowRankSegment segment, int inputs, LowRankResult* results) =>
        (long)segment.Rank * (inputs + results[segment.Site].Outputs);

    private static float RowScale(in LowRankSegment segment, int row) =>
        segment.TokenWeights is null ? segment.Scale : segment.Scale * segment.TokenWeights[row];

    private static void Check(in LowRankSegment segment, int index, int rowsOfX, ReadOnlySpan<LowRankResult> results)
    {
        if ((uint)segment.Site >= (uint)results.Length || results[segment.Site].Outputs < 1)
        {
            throw new ArgumentException($"segment {index} adds to site {segment.Site}, the call has results for {results.Length}", nameof(segment));
        }
        int rowsOfY = results[segment.Site].Rows;
        if (segment.Row < 0 || segment.Rows < 0 || (long)segment.Row + segment.Rows > Math.Min(rowsOfX, rowsOfY))
        {
            throw new ArgumentException(
                $"segment {index} covers rows {segment.Row} to {(long)segment.Row + segment.Rows - 1}, x has {rowsOfX} rows and y {rowsOfY}: rebuild the batch's segments", nameof(segment));
        }
        if (segment.Rank < 1 || segment.Factors is null || segment.Type > FactorType.Int8)
        {
            throw new ArgumentException(
                $"segment {index} has rank {segment.Rank}, type {segment.Type} and factors that may be null: expected a rank of at least 1, a known type and packed factors", nameof(segment));
        }
    }

    /// <summary>All rows of all segments, one after the other, cut into ranges of equal work; a range may cross segments.</summary>
    private struct LowRankJob : IJob
    {
        public KernelVariant Variant;
        public LowRankSegment* Segments;
        public int Count;
        public float* X;
        public int Inputs;
        public LowRankResult* Results;
        public long Work;
        public int Chunks;

        public readonly void Execute(int chunk)
        {
            long first = (long)((Int128)Work * chunk / Chunks), end = (long)((Int128)Work * (chunk + 1) / Chunks);
            LowRankRow* group = stackalloc LowRankRow[GroupRows];
            int grouped = 0;
            long start = 0;
            for (int i = 0; i < Count && start < end; i++)
            {
                ref readonly LowRankSegment segment = ref Segments[i];
                long each = WorkOfRow(segment, Inputs, Results);
                // A row belongs to the range in which its work begins.
                int from = (int)Math.Clamp((first - start + each - 1) / each, 0, segment.Rows);
                int to = (int)Math.Clamp((end - start + each - 1) / each, 0, segment.Rows);
                start += each * segment.Rows;
                if (Variant == KernelVariant.Scalar)
                {
                    for (int r = from; r < to; r++)
                    {
                        ApplyScalar(segment, r, X, Inputs, Results[segment.Site]);
                    }
                }
                else if (to - from >= TileRows)
                {
                    Tiles(segment, from, to, X, Inputs, Results[segment.Site], Variant > KernelVariant.Avx2);
                }
                else
                {
                    for (int r = from; r < to; r++)
                    {
                        group[grouped++] = new LowRankRow { Segment = Segments + i, Row = r };
                        if (grouped == GroupRows)
                        {
                            Rows(group, grouped, X, Inputs, Results, Variant > KernelVariant.Avx2);
                            grouped = 0;
                        }
                    }
                }
            }
            if (grouped > 0)
            {
                Rows(group, grouped, X, Inputs, Results, Variant > KernelVariant.Avx2);
            }
        }
    }

    /// <summary>A row that is alone, or one of few, with its adapter.</summary>
    private struct LowRankRow
    {
        public LowRankSegment* Segment;
        public int Row;
        public float* Hidden;
    }
}
