namespace Lorikeet.Kernels;

/// <summary>Grouped low-rank products: one call for a batch whose rows run with different adapters of different ranks.</summary>
/// <remarks>
/// For each row of a segment: h = A x, each element one chain of fused multiply-adds over ascending inputs; t = B h, one chain over ascending ranks from
/// the bias or zero; <c>y = fma(scale * w, t, y)</c>. A row's result depends on the row and its adapter alone, bit for bit.
/// </remarks>
public static unsafe partial class LowRank
{
    private const int RankStep = 8;

    /// <summary>The rank rounded up to a multiple of 8: columns of a packed A.</summary>
    /// <param name="rank">Rank, at least 1.</param>
    /// <exception cref="ArgumentOutOfRangeException">A rank below 1.</exception>
    public static int PaddedRank(int rank)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(rank);
        return (rank + RankStep - 1) / RankStep * RankStep;
    }

    /// <summary>Packs A: effectively <c>packed[k, j] = a[j, k]</c>, zero for j from rank to padded rank.</summary>
    /// <param name="a">[rank, inputs].</param>
    /// <param name="rank">Rank, at least 1.</param>
    /// <param name="inputs">Inputs, at least 1.</param>
    /// <param name="packed">[inputs, padded rank].</param>
    /// <exception cref="ArgumentException">A span is too short.</exception>
    /// <exception cref="ArgumentOutOfRangeException">A size below 1.</exception>
    public static void PackA(ReadOnlySpan<float> a, int rank, int inputs, Span<float> packed)
    {
        int padded = PaddedRank(rank);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(inputs);
        Require.Length(a.Length, (long)rank * inputs, nameof(a), "[rank, inputs]");
        Require.Length(packed.Length, (long)padded * inputs, nameof(packed), "[inputs, padded rank]");
        for (int k = 0; k < inputs; k++)
        {
            Span<float> row = packed.Slice(k * padded, padded);
            for (int j = 0; j < rank; j++)
            {
                row[j] = a[j * inputs + k];
            }
            row[rank..].Clear();
        }
    }

    /// <summary>Packs B: effectively <c>packed[j, o] = b[o, j]</c>.</summary>
    /// <param name="b">[outputs, rank].</param>
    /// <param name="rank">Rank, at least 1.</param>
    /// <param name="outputs">Outputs, at least 1.</param>
    /// <param name="packed">[rank, outputs].</param>
    /// <exception cref="ArgumentException">A span is too short.</exception>
    /// <exception cref="ArgumentOutOfRangeException">A size below 1.</exception>
    public static void PackB(ReadOnlySpan<float> b, int rank, int outputs, Span<float> packed)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(rank);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(outputs);
        Require.Length(b.Length, (long)rank * outputs, nameof(b), "[outputs, rank]");
        Require.Length(packed.Length, (long)rank * outputs, nameof(packed), "[rank, outputs]");
        for (int o = 0; o < outputs; o++)
        {
            for (int j = 0; j < rank; j++)
            {
                packed[j * outputs + o] = b[o * rank + j];
            }
        }
    }

    /// <summary>Adds every segment's change: effectively <c>y[row] += scale * w_row * (B (A x[row]) + bias)</c>; other rows stay untouched.</summary>
    /// <param name="segments">The segments; their rows must not overlap.</param>
    /// <param name="x">[rows, inputs].</param>
    /// <param name="inputs">Columns of x, at least 1.</param>
    /// <param name="y">[rows, outputs]; must not overlap x.</param>
    /// <param name="outputs">Columns of y, at least 1.</param>
    /// <exception cref="ArgumentException">A segment reaches beyond x or y, has no factors or a rank below 1.</exception>
    /// <exception cref="ArgumentOutOfRangeException">A size below 1.</exception>
    public static void Apply(ReadOnlySpan<LowRankSegment> segments, ReadOnlySpan<float> x, int inputs, Span<float> y, int outputs)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(inputs);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(outputs);
        for (int i = 0; i < segments.Length; i++)
        {
            Check(segments[i], i, x.Length / inputs, y.Length / outputs);
        }
        fixed (LowRankSegment* list = segments)
        fixed (float* left = x)
        fixed (float* to = y)
        {
            ApplyWith(KernelPath.Current, list, segments.Length, left, inputs, to, outputs);
        }
    }

    internal static void ApplyWith(KernelVariant variant, LowRankSegment* segments, int count, float* x, int inputs, float* y, int outputs)
    {
        long rows = 0;
        double elements = 0;
        double fused = 0;
        for (int i = 0; i < count; i++)
        {
            double size = (double)segments[i].Rank * (inputs + outputs);
            rows += segments[i].Rows;
            elements += segments[i].Rows > 0 ? size : 0;
            fused += size * segments[i].Rows;
        }
        if (rows == 0)
        {
            return;
        }
        LowRankJob job = new()
        {
            Variant = variant,
            Segments = segments,
            Count = count,
            X = x,
            Inputs = inputs,
            Y = y,
            Outputs = outputs,
            TotalRows = rows,
            Chunks = WorkSplit.Chunks(WorkSplit.Nanoseconds(fused, elements * sizeof(float)), (int)Math.Min(rows, int.MaxValue)),
        };
        Team.Shared.Run(ref job, job.Chunks);
    }

    private static void Check(in LowRankSegment segment, int index, int rowsOfX, int rowsOfY)
    {
        if (segment.Row < 0 || segment.Rows < 0 || (long)segment.Row + segment.Rows > Math.Min(rowsOfX, rowsOfY))
        {
            throw new ArgumentException(
                $"segment {index} covers rows {segment.Row} to {(long)segment.Row + segment.Rows - 1}, x has {rowsOfX} rows and y {rowsOfY}: rebuild the batch's segments", nameof(segment));
        }
        if (segment.Rank < 1 || segment.A is null || segment.B is null)
        {
            throw new ArgumentException($"segment {index} has rank {segment.Rank} and factors that may be null: expected a rank of at least 1, A and B", nameof(segment));
        }
    }

    /// <summary>The rows of all segments, one after the other, cut into equal ranges; a range may cross segments.</summary>
    private struct LowRankJob : IJob
    {
        public KernelVariant Variant;
        public LowRankSegment* Segments;
        public int Count;
        public float* X;
        public int Inputs;
        public float* Y;
        public int Outputs;
        public long TotalRows;
        public int Chunks;

        public readonly void Execute(int chunk)
        {
            long first = TotalRows * chunk / Chunks;
            long end = TotalRows * (chunk + 1) / Chunks;
            long start = 0;
            for (int i = 0; i < Count && start < end; i++)
            {
                ref readonly LowRankSegment segment = ref Segments[i];
                int from = (int)Math.Max(0, first - start);
                int to = (int)Math.Min(segment.Rows, end - start);
                start += segment.Rows;
                if (from >= to)
                {
                    continue;
                }
                if (Variant != KernelVariant.Scalar)
                {
                    ApplyAvx2(segment, from, to, X, Inputs, Y, Outputs);
                }
                else
                {
                    ApplyScalar(segment, from, to, X, Inputs, Y, Outputs);
                }
            }
        }
    }
}
