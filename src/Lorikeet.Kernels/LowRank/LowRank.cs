namespace Lorikeet.Kernels;

/// <summary>Grouped low-rank products: one job for a batch whose rows run with different adapters of different ranks, at all sites that read one input.</summary>
/// <remarks>
/// For each row of a segment: h = A x, each element one chain of fused multiply-adds over ascending inputs (int8: then multiplied by its rank's scale);
/// t = B h, one chain over ascending ranks from the bias or zero; <c>y = fma(scale * w, t, y)</c>. A row's result depends on the row and its adapter alone,
/// bit for bit, not on which rows or columns are made together. Rows that are alone with their adapter are bound by reading the factors, so they go four factors
/// at a time: four streams hide the latency of memory and of the chains. From six rows of an adapter on, panels are widened once and multiplied in tiles.
/// Segments of one site are added in their order. Products add them to what they make themselves: <see cref="LowRankChanges"/>.
/// </remarks>
public static unsafe partial class LowRank
{
    // From so many rows of one adapter on, a widened panel pays.
    private const int TileRows = 6;

    // Rows of few that are gathered before they are worked on.
    private const int GroupRows = 64;

    // Columns that one thread makes at least: four panels.
    private const int UnitColumns = 4 * FactorLayout.Lanes;

    /// <summary>Adds every segment's change at one site: effectively <c>y[row] += scale * w_row * (B (A x[row]) + bias)</c>; other rows stay untouched.</summary>
    /// <param name="segments">The segments, all of site 0, in the order in which they are added.</param>
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
    /// <param name="segments">The segments; those of one site in the order in which they are added.</param>
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
        double fused = 0, bytes = 0;
        long units = 0;
        int sites = 0;
        for (int i = 0; i < count; i++)
        {
            LowRankSegment segment = segments[i];
            int outputs = results[segment.Site].Outputs;
            Count(segment, inputs, outputs);
            fused += (double)segment.Rank * outputs * segment.Rows;
            bytes += segment.Rows > 0 ? (double)segment.Rank * outputs * FactorLayout.SizeOf(segment.Type) : 0;
            sites = Math.Max(sites, segment.Site + 1);
        }
        if (fused == 0)
        {
            return;
        }
        for (int site = 0; site < sites; site++)
        {
            units += ColumnUnits(results[site].Outputs);
        }
        float* room = (float*)ThreadScratch.TakeForCall((nuint)LowRankChanges.RoomFloats(new ReadOnlySpan<LowRankSegment>(segments, count)) * sizeof(float));
        LowRankChanges changes = new() { First = segments, Count = count, X = x, Inputs = inputs, Room = room };
        ApplyJob job = new()
        {
            Changes = &changes,
            Results = results,
            Units = units,
            Chunks = WorkSplit.Chunks(WorkSplit.Nanoseconds(fused, bytes), (int)Math.Min(units, int.MaxValue)),
        };
        job.Shrinks = changes.Begin(variant, job.Chunks);
        Team.Shared.Run(ref job, job.Shrinks + job.Chunks);
    }

    /// <summary>Counts what a segment asks for.</summary>
    internal static void Count(in LowRankSegment segment, int inputs, int outputs)
    {
        long each = (long)segment.Rank * (inputs + outputs);
        if (segment.Rows > 0)
        {
            KernelWork.Count(1, each * segment.Rows, 1, (double)each * FactorLayout.SizeOf(segment.Type));
        }
    }

    private static int ColumnUnits(int outputs) => (outputs + UnitColumns - 1) / UnitColumns;

    private static float RowScale(in LowRankSegment segment, int row) =>
        segment.TokenWeights is null ? segment.Scale : segment.Scale * segment.TokenWeights[row];

    internal static void Check(in LowRankSegment segment, int index, int rowsOfX, ReadOnlySpan<LowRankResult> results)
    {
        if ((uint)segment.Site >= (uint)results.Length || results[segment.Site].Outputs < 1)
        {
            throw new ArgumentException($"segment {index} adds to site {segment.Site}, the call has results for {results.Length}", nameof(segment));
        }
        Check(segment, index, Math.Min(rowsOfX, results[segment.Site].Rows));
    }

    internal static void Check(in LowRankSegment segment, int index, int rows)
    {
        if (segment.Row < 0 || segment.Rows < 0 || (long)segment.Row + segment.Rows > rows)
        {
            throw new ArgumentException(
                $"segment {index} covers rows {segment.Row} to {(long)segment.Row + segment.Rows - 1}, x has {rows} rows that y has too: rebuild the batch's segments", nameof(segment));
        }
        if (segment.Rank < 1 || segment.Factors is null || segment.Type > FactorType.Int8)
        {
            throw new ArgumentException(
                $"segment {index} has rank {segment.Rank}, type {segment.Type} and factors that may be null: expected a rank of at least 1, a known type and packed factors", nameof(segment));
        }
    }

    /// <summary>h of the rows whose work begins in a range of all segments' work.</summary>
    internal static void Shrink(KernelVariant variant, in LowRankChanges changes, long first, long end, float* hidden)
    {
        LowRankRow* group = stackalloc LowRankRow[GroupRows];
        bool wide = variant > KernelVariant.Avx2;
        int grouped = 0;
        long start = 0;
        for (int i = 0; i < changes.Count && start < end; i++)
        {
            LowRankSegment* segment = changes.First + i;
            long each = (long)segment->Rank * changes.Inputs;
            int width = WidthOf(*segment);
            // A row belongs to the range in which its work begins.
            int from = (int)Math.Clamp((first - start + each - 1) / each, 0, segment->Rows);
            int to = (int)Math.Clamp((end - start + each - 1) / each, 0, segment->Rows);
            start += each * segment->Rows;
            if (variant == KernelVariant.Scalar)
            {
                for (int r = from; r < to; r++)
                {
                    ShrinkScalar(*segment, r, changes.X, changes.Inputs, hidden + ((long)r * width));
                    ScaleHidden(*segment, changes.Inputs, hidden + ((long)r * width));
                }
            }
            else if (to - from >= TileRows)
            {
                ShrinkTiles(*segment, from, to, changes.X, changes.Inputs, hidden + ((long)from * width), wide);
            }
            else
            {
                for (int r = from; r < to; r++)
                {
                    if (grouped == GroupRows)
                    {
                        Shrink(group, grouped, changes.X, changes.Inputs, wide);
                        grouped = 0;
                    }
                    group[grouped++] = new LowRankRow { Segment = segment, Row = r, Hidden = hidden + ((long)r * width) };
                }
            }
            hidden += (long)segment->Rows * width;
        }
        Shrink(group, grouped, changes.X, changes.Inputs, wide);
    }

    /// <summary>y += scale * (bias + B h) of some columns of some rows of y, for one site; columns begin with a panel.</summary>
    internal static void Expand(
        KernelVariant variant, in LowRankChanges changes, float* hidden, int site, float* y, int outputs, int row, int rows, int column, int columns)
    {
        bool wide = variant > KernelVariant.Avx2;
        for (int i = 0; i < changes.Count; i++)
        {
            ref readonly LowRankSegment segment = ref changes.First[i];
            int width = WidthOf(segment);
            int from = Math.Clamp(row - segment.Row, 0, segment.Rows), to = Math.Clamp(row + rows - segment.Row, 0, segment.Rows);
            if (segment.Site == site && from < to)
            {
                FactorLayout layout = new(segment.Rank, changes.Inputs, outputs, segment.Type);
                float* h = hidden + ((long)from * width), own = y + ((long)(segment.Row + from) * outputs);
                bool more = i + 1 < changes.Count && changes.First[i + 1].Site == site;
                // What is read next: the same columns of the next segment's B.
                byte* next = PanelOfB(changes.First[more ? i + 1 : i], changes.Inputs, column);
                if (variant == KernelVariant.Scalar)
                {
                    for (int r = from; r < to; r++, h += width, own += outputs)
                    {
                        ExpandScalar(segment, layout, h, RowScale(segment, r), own, column, columns);
                    }
                }
                else if (to - from >= TileRows)
                {
                    ExpandTiles(segment, layout, from, to, h, y, column, columns, wide);
                }
                else
                {
                    for (int r = from; r < to; r++, h += width, own += outputs)
                    {
                        Expand(segment, layout, h, RowScale(segment, r), own, column, columns, next, wide);
                    }
                }
            }
            hidden += (long)segment.Rows * width;
        }
    }

    /// <summary>Where the panel of B begins that a column, the first of a panel, lies in.</summary>
    internal static byte* PanelOfB(in LowRankSegment segment, int inputs, int column)
    {
        FactorLayout layout = new(segment.Rank, inputs, 1, segment.Type);
        return segment.Factors + layout.OffsetB + (column / FactorLayout.Lanes * layout.PanelBytesB);
    }

    /// <summary>Floats of one row's h.</summary>
    internal static int WidthOf(in LowRankSegment segment) => new FactorLayout(segment.Rank, 1, 1, segment.Type).HiddenFloats;

    /// <summary>First every row's h, then ranges of columns of all sites: a range waits for all h, and for nothing else.</summary>
    private struct ApplyJob : IJob
    {
        public LowRankChanges* Changes;
        public LowRankResult* Results;
        public int Shrinks;
        public long Units;
        public int Chunks;

        public readonly void Execute(int chunk)
        {
            if (chunk < Shrinks)
            {
                Changes->Shrink(chunk);
                return;
            }
            chunk -= Shrinks;
            long first = Units * chunk / Chunks, end = Units * (chunk + 1) / Chunks;
            for (int site = 0; end > 0; site++)
            {
                LowRankResult result = Results[site];
                int own = ColumnUnits(result.Outputs);
                if (first < own)
                {
                    int column = (int)first * UnitColumns;
                    Changes->Expand(site, result.Y, result.Outputs, 0, result.Rows, column, (int)Math.Min(Math.Min(end, own) * UnitColumns, result.Outputs) - column);
                }
                first = Math.Max(first - own, 0);
                end -= own;
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
