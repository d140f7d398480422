using System.Runtime.CompilerServices;

namespace Lorikeet.Kernels;

/// <summary>Causal attention over rows in memory, forward and backward: what a training step and an evaluation run.</summary>
/// <remarks>
/// One call serves many sequences, and no query sees another sequence. Grouped key heads: query head h reads key head h / (heads /
/// keyHeads). A row's bits depend on its sequence's rows up to it alone, and equal those of <see cref="PagedAttention"/>: per query and
/// head, tiles of 32 keys aligned to absolute positions are visited in ascending order; scores are chains over ascending elements; the
/// running maximum rescales what was gathered; probabilities are added in one fixed tree, and values in one chain over ascending positions.
/// What a query does not see is skipped, never multiplied by zero.
/// </remarks>
public static unsafe class Attention
{
    /// <summary>Keys of a tile, and positions of a page.</summary>
    public const int Tile = 32;

    /// <summary>Effectively computes, for each row i and head h, <c>y = sum over seen j of softmax_j(scale q_i k_j) v_j</c>, with the shape's soft cap and
    /// the slopes' bias on the scaled products where there are any.</summary>
    /// <param name="shape">Heads, scale, window, cap.</param>
    /// <param name="sequences">The sequences; each starts at position 0 and attends to its own rows only.</param>
    /// <param name="q">[rows, heads * headDim].</param>
    /// <param name="k">[rows, keyHeads * headDim].</param>
    /// <param name="v">[rows, keyHeads * headDim].</param>
    /// <param name="y">[rows, heads * headDim], written for the rows of the sequences; overlaps no input.</param>
    /// <param name="logSumExp">[rows, heads], the logarithm of each softmax's denominator, kept for the backward; or empty.</param>
    /// <param name="slopes">[heads], the slopes of a bias that grows with the key's position (ALiBi); or empty.</param>
    /// <exception cref="ArgumentException">A length does not fit, or a sequence leaves the rows or starts elsewhere than at 0.</exception>
    public static void Forward(
        in AttentionShape shape,
        ReadOnlySpan<AttentionSequence> sequences,
        ReadOnlySpan<float> q,
        ReadOnlySpan<float> k,
        ReadOnlySpan<float> v,
        Span<float> y,
        Span<float> logSumExp,
        ReadOnlySpan<float> slopes = default)
    {
        if (KernelPath.UseAvx512)
        {
            Forward<Avx512Tiles>(shape, sequences, q, k, v, y, logSumExp, slopes);
        }
        else if (KernelPath.UseAvx2)
        {
            Forward<Avx2Tiles>(shape, sequences, q, k, v, y, logSumExp, slopes);
        }
        else
        {
            Forward<ScalarTiles>(shape, sequences, q, k, v, y, logSumExp, slopes);
        }
    }

    /// <summary>
    /// The gradients of <see cref="Forward"/> (Dao et al. 2022, arXiv:2205.14135, algorithm 4): probabilities are computed again, tile by
    /// tile, from the logarithms the forward kept. Gradients are written, not added.
    /// </summary>
    /// <param name="shape">Heads, scale, window, cap.</param>
    /// <param name="sequences">The forward's sequences.</param>
    /// <param name="q">[rows, heads * headDim], as in the forward.</param>
    /// <param name="k">[rows, keyHeads * headDim], as in the forward.</param>
    /// <param name="v">[rows, keyHeads * headDim], as in the forward.</param>
    /// <param name="y">[rows, heads * headDim], the forward's result.</param>
    /// <param name="logSumExp">[rows, heads], what the forward kept.</param>
    /// <param name="dy">[rows, heads * headDim], the gradient of y.</param>
    /// <param name="dq">[rows, heads * headDim], written for the rows of the sequences; overlaps no input.</param>
    /// <param name="dk">[rows, keyHeads * headDim], likewise.</param>
    /// <param name="dv">[rows, keyHeads * headDim], likewise.</param>
    /// <param name="slopes">The forward's slopes.</param>
    /// <exception cref="ArgumentException">A length does not fit, or a sequence leaves the rows or starts elsewhere than at 0.</exception>
    public static void Backward(
        in AttentionShape shape,
        ReadOnlySpan<AttentionSequence> sequences,
        ReadOnlySpan<float> q,
        ReadOnlySpan<float> k,
        ReadOnlySpan<float> v,
        ReadOnlySpan<float> y,
        ReadOnlySpan<float> logSumExp,
        ReadOnlySpan<float> dy,
        Span<float> dq,
        Span<float> dk,
        Span<float> dv,
        ReadOnlySpan<float> slopes = default)
    {
        if (KernelPath.UseAvx512)
        {
            Backward<Avx512Tiles>(shape, sequences, q, k, v, y, logSumExp, dy, dq, dk, dv, slopes);
        }
        else if (KernelPath.UseAvx2)
        {
            Backward<Avx2Tiles>(shape, sequences, q, k, v, y, logSumExp, dy, dq, dk, dv, slopes);
        }
        else
        {
            Backward<ScalarTiles>(shape, sequences, q, k, v, y, logSumExp, dy, dq, dk, dv, slopes);
        }
    }

    internal static void Forward<TTiles>(
        in AttentionShape shape,
        ReadOnlySpan<AttentionSequence> sequences,
        ReadOnlySpan<float> q,
        ReadOnlySpan<float> k,
        ReadOnlySpan<float> v,
        Span<float> y,
        Span<float> logSumExp,
        ReadOnlySpan<float> slopes = default)
        where TTiles : unmanaged, ITileKernels
    {
        int rows = CheckInputs(shape, sequences, q, k, v);
        RowArguments.Length(y, q.Length);
        RowArguments.LengthOrEmpty(logSumExp, (long)rows * shape.Heads);
        RowArguments.LengthOrEmpty(slopes, shape.Heads);
        ThrowIfOverlaps(y, q, k, v);
        fixed (AttentionSequence* pSequences = sequences)
        fixed (float* pq = q, pk = k, pv = v, py = y, pLog = logSumExp, pSlopes = slopes)
        {
            ForwardCall<TTiles> call = new()
            {
                Shape = shape,
                Curve = new ScoreCurve(shape, pSlopes),
                Sequences = pSequences,
                Q = pq,
                K = pk,
                V = pv,
                Y = py,
                LogSumExp = pLog,
            };
            TaskList.Run(ref call, shape, sequences.Length);
        }
    }

    internal static void Backward<TTiles>(
        in AttentionShape shape,
        ReadOnlySpan<AttentionSequence> sequences,
        ReadOnlySpan<float> q,
        ReadOnlySpan<float> k,
        ReadOnlySpan<float> v,
        ReadOnlySpan<float> y,
        ReadOnlySpan<float> logSumExp,
        ReadOnlySpan<float> dy,
        Span<float> dq,
        Span<float> dk,
        Span<float> dv,
        ReadOnlySpan<float> slopes = default)
        where TTiles : unmanaged, ITileKernels
    {
        int rows = CheckInputs(shape, sequences, q, k, v);
        RowArguments.Length(y, q.Length);
        RowArguments.Length(logSumExp, (long)rows * shape.Heads);
        RowArguments.LengthOrEmpty(slopes, shape.Heads);
        RowArguments.Length(dy, q.Length);
        RowArguments.Length(dq, q.Length);
        RowArguments.Length(dk, k.Length);
        RowArguments.Length(dv, k.Length);
        ThrowIfOverlaps(dq, q, k, v);
        ThrowIfOverlaps(dq, y, dy, dk);
        ThrowIfOverlaps(dk, q, k, v);
        ThrowIfOverlaps(dk, y, dy, dv);
        ThrowIfOverlaps(dv, q, k, v);
        ThrowIfOverlaps(dv, y, dy, dq);
        fixed (AttentionSequence* pSequences = sequences)
        fixed (float* pq = q, pk = k, pv = v, py = y, pLog = logSumExp, pdy = dy, pdq = dq, pdk = dk, pdv = dv, pSlopes = slopes)
        {
            BackwardTask<TTiles> job = new()
            {
                Shape = shape,
                Curve = new ScoreCurve(shape, pSlopes),
                Sequences = pSequences,
                Q = pq,
                K = pk,
                V = pv,
                Y = py,
                LogSumExp = pLog,
                Dy = pdy,
                Dq = pdq,
                Dk = pdk,
                Dv = pdv,
            };
            Team.Shared.Run(ref job, sequences.Length * shape.KeyHeads);
        }
    }

    /// <summary>Transposes the rows of one tile of keys (or values) into [headDim][32] and sets the columns that have no row to
    /// 0.</summary>
    internal static void PackTile<TTiles>(float* rows, nint stride, int count, int headDim, float* to)
        where TTiles : unmanaged, ITileKernels
    {
        if (count < Tile)
        {
            new Span<float>(to, headDim * Tile).Clear();
        }
        TTiles.Transpose(rows, stride, count, headDim, to, 0);
    }

    internal static void ThrowIfOverlaps(Span<float> result, ReadOnlySpan<float> a, ReadOnlySpan<float> b, ReadOnlySpan<float> c)
    {
        if (result.Overlaps(a) || result.Overlaps(b) || result.Overlaps(c))
        {
            throw new ArgumentException("attention: a result overlaps an input or another result; pass memory of its own");
        }
    }

    private static int CheckInputs(
        in AttentionShape shape,
        ReadOnlySpan<AttentionSequence> sequences,
        ReadOnlySpan<float> q,
        ReadOnlySpan<float> k,
        ReadOnlySpan<float> v)
    {
        shape.ThrowIfDefault();
        int rows = RowArguments.Rows(q, shape.QueryWidth);
        RowArguments.Length(k, (long)rows * shape.KeyWidth);
        RowArguments.Length(v, k.Length);
        for (int i = 0; i < sequences.Length; i++)
        {
            AttentionSequence s = sequences[i];
            if (s.Row < 0 || s.Rows < 0 || s.Row > rows - s.Rows || s.Start != 0)
            {
                throw new ArgumentException(
                    $"Attention: sequence {i} covers {s.Rows} rows from {s.Row}, starting at position {s.Start}; "
                    + $"expected rows within {rows}, and position 0",
                    nameof(sequences));
            }
        }
        return rows;
    }

    private struct ForwardCall<TTiles> : IAttentionCall
        where TTiles : unmanaged, ITileKernels
    {
        public AttentionShape Shape;
        public ScoreCurve Curve;
        public AttentionSequence* Sequences;
        public float* Q;
        public float* K;
        public float* V;
        public float* Y;
        public float* LogSumExp;

        public readonly int Rows(int sequence) => Sequences[sequence].Rows;

        public readonly int Keys(int sequence) => Sequences[sequence].Rows;

        [SkipLocalsInit]
        public readonly void Run(AttentionTaskId task)
        {
            float* scratch = stackalloc float[Shape.HeadDim * Tile];
            AttentionSequence sequence = Sequences[task.Sequence];
            nint row = sequence.Row;
            nint query = ((row + task.FirstRow) * Shape.QueryWidth) + ((nint)task.KeyHead * Shape.Group * Shape.HeadDim);
            nint key = (row * Shape.KeyWidth) + ((nint)task.KeyHead * Shape.HeadDim);
            nint log = ((row + task.FirstRow) * Shape.Heads) + ((nint)task.KeyHead * Shape.Group);
            ForwardTask block = new()
            {
                Q = Q + query,
                Y = Y + query,
                LogSumExp = LogSumExp is null ? null : LogSumExp + log,
                Shape = Shape,
                Curve = Curve,
                FirstHead = task.KeyHead * Shape.Group,
                Rows = task.Rows,
                Position = task.FirstRow,
            };
            block.Run<TTiles, RowSource<TTiles>>(new RowSource<TTiles>
            {
                Keys = K + key,
                Values = V + key,
                Stride = Shape.KeyWidth,
                Rows = sequence.Rows,
                HeadDim = Shape.HeadDim,
                Scratch = scratch,
            });
        }
    }
}
