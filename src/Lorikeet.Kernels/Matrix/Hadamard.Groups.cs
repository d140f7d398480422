using System.Runtime.Intrinsics.X86;

namespace Lorikeet.Kernels;

/// <content>A batch in which every segment of rows has factors of its own: all rows in one job before the shared product, and one after it.</content>
public static unsafe partial class Hadamard
{
    /// <summary>Makes the rows of the shared product, row after row: b_1 * x, ..., b_r * x, then x itself where the base is added or there are no factors.</summary>
    /// <param name="segments">The segments, one after the other without gaps.</param>
    /// <param name="x">[rows, inputs].</param>
    /// <param name="inputs">Columns of x, at least 1.</param>
    /// <param name="expanded">[sum of rows * copies, inputs]; must not overlap x.</param>
    /// <exception cref="ArgumentException">A span is too short, or a segment has a rank but no factors.</exception>
    public static void Expand(ReadOnlySpan<HadamardSegment> segments, ReadOnlySpan<float> x, int inputs, Span<float> expanded)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(inputs);
        long copies = Check(segments, x.Length / inputs, nameof(x));
        Require.Length(expanded.Length, copies * inputs, nameof(expanded), "[rows * copies, inputs]");
        fixed (HadamardSegment* list = segments)
        fixed (float* from = x)
        fixed (float* to = expanded)
        {
            GroupsWith(KernelPath.Current, list, segments.Length, from, inputs, to, reduce: false);
        }
    }

    /// <summary>Puts the rows of the shared product together: <c>y = scale * sum over j of a_j * q_j</c>, plus the last copy where the base is added.</summary>
    /// <param name="segments">The segments, as in <see cref="Expand(ReadOnlySpan{HadamardSegment}, ReadOnlySpan{float}, int, Span{float})"/>.</param>
    /// <param name="q">[sum of rows * copies, outputs].</param>
    /// <param name="outputs">Columns of y, at least 1.</param>
    /// <param name="y">[rows, outputs]; may be q itself where every row has one copy, else must not overlap it.</param>
    /// <exception cref="ArgumentException">A span is too short, or a segment has a rank but no factors.</exception>
    public static void Reduce(ReadOnlySpan<HadamardSegment> segments, ReadOnlySpan<float> q, int outputs, Span<float> y)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(outputs);
        long copies = Check(segments, y.Length / outputs, nameof(y));
        Require.Length(q.Length, copies * outputs, nameof(q), "[rows * copies, outputs]");
        fixed (HadamardSegment* list = segments)
        fixed (float* from = q)
        fixed (float* to = y)
        {
            GroupsWith(KernelPath.Current, list, segments.Length, from, outputs, to, reduce: true);
        }
    }

    internal static void GroupsWith(KernelVariant variant, HadamardSegment* segments, int count, float* from, int width, float* to, bool reduce)
    {
        long copies = 0;
        for (int i = 0; i < count; i++)
        {
            copies += (long)segments[i].Rows * segments[i].Copies;
        }
        GroupJob job = new() { Variant = variant, Segments = segments, Count = count, From = from, Width = width, To = to, Reduce = reduce, Copies = copies };
        // Rows were just written or are read at once: they are in the caches, where a number costs a fraction of a nanosecond.
        job.Chunks = WorkSplit.Chunks(0.1 * copies * width, (int)Math.Min(copies, int.MaxValue));
        Team.Shared.Run(ref job, job.Chunks);
    }

    internal static long Check(ReadOnlySpan<HadamardSegment> segments, int rows, string name)
    {
        long copies = 0;
        int row = segments.IsEmpty ? 0 : segments[0].Row;
        for (int i = 0; i < segments.Length; i++)
        {
            ref readonly HadamardSegment segment = ref segments[i];
            if (segment.Row != row || segment.Rows < 0 || segment.Rows > rows - segment.Row)
            {
                throw new ArgumentException($"segment {i} covers {segment.Rows} rows from {segment.Row}, expected row {row} of {rows}: rebuild the batch's segments", name);
            }
            bool known = segment.Type < FactorType.Int8 || (segment.Type == FactorType.Int8 && segment.Scales is not null);
            if (segment.Rank < 0 || (segment.Rank > 0 && (segment.A is null || segment.B is null || !known)))
            {
                throw new ArgumentException(
                    $"segment {i} has rank {segment.Rank}, type {segment.Type} and factors that may be null: expected packed factors, or rank 0", name);
            }
            row += segment.Rows;
            copies += (long)segment.Rows * segment.Copies;
        }
        return copies;
    }

    /// <summary>The rows of all segments; a row belongs to the chunk in which its first copy lies.</summary>
    private struct GroupJob : IJob
    {
        // Segments whose factors are asked for at once.
        private const int Together = 16;

        public KernelVariant Variant;
        public HadamardSegment* Segments;
        public int Count;
        public float* From;
        public int Width;
        public float* To;
        public bool Reduce;
        public long Copies;
        public int Chunks;

        public readonly void Execute(int chunk)
        {
            long first = Copies * chunk / Chunks, end = Copies * (chunk + 1) / Chunks;
            long start = 0;
            int fetched = 0;
            for (int i = 0; i < Count && start < end; i++)
            {
                ref readonly HadamardSegment segment = ref Segments[i];
                int copies = segment.Copies;
                int from = (int)Math.Clamp((first - start + copies - 1) / copies, 0, segment.Rows);
                int to = (int)Math.Clamp((end - start + copies - 1) / copies, 0, segment.Rows);
                if (from < to && i >= fetched)
                {
                    fetched = Math.Min(Count, i + Together);
                    Fetch(i, fetched);
                }
                for (int r = from; r < to; r++)
                {
                    long row = (long)(segment.Row + r) * Width, copy = (start + ((long)r * copies)) * Width;
                    if (Reduce)
                    {
                        ReduceOne(segment, From + copy, To + row);
                    }
                    else
                    {
                        ExpandOne(segment, From + row, To + copy);
                    }
                }
                start += (long)segment.Rows * copies;
            }
        }

        /// <summary>
        /// Asks for the factors of some segments before the first of them is used: they are short pieces here and there in memory, which would else be
        /// waited for one after the other.
        /// </summary>
        private readonly void Fetch(int from, int to)
        {
            if (Variant == KernelVariant.Scalar)
            {
                return;
            }
            for (int i = from; i < to; i++)
            {
                byte* factors = Reduce ? Segments[i].A : Segments[i].B;
                long bytes = Segments[i].Rank * RowBytes(Width, Segments[i].Type);
                for (long at = 0; at < bytes; at += Line)
                {
                    Sse.Prefetch0(factors + at);
                }
            }
        }

        private readonly void ExpandOne(in HadamardSegment segment, float* x, float* to)
        {
            for (int j = 0; j < segment.Rank; j++, to += Width)
            {
                Product(Variant, segment.Type, x, segment.B + (j * RowBytes(Width, segment.Type)), segment.ScaleOfB(j), Width, to);
            }
            if (segment.Rank == 0 || segment.AddsBase)
            {
                Copy(x, to);
            }
        }

        private readonly void ReduceOne(in HadamardSegment segment, float* q, float* y)
        {
            float* plain = q + ((long)segment.Rank * Width);
            if (segment.Rank == 0)
            {
                Copy(plain, y);
                return;
            }
            float* scales = segment.Scales is null ? null : segment.Scales + segment.Rank;
            Sum(
                Variant, segment.Type, q, Width, segment.A, (nint)RowBytes(Width, segment.Type), scales, segment.Rank, Width, segment.Scale,
                segment.AddsBase ? plain : null, y);
        }

        private readonly void Copy(float* from, float* to)
        {
            if (from != to)
            {
                new ReadOnlySpan<float>(from, Width).CopyTo(new Span<float>(to, Width));
            }
        }
    }
}
