namespace Lorikeet.Kernels;

/// <summary>Causal attention over paged keys and values: what serving runs, prompt chunks and decode rows together.</summary>
/// <remarks>
/// One page (of one layer of one sequence) is keys, then values: K as [keyHeads][headDim][32], where lanes are positions, and V as
/// [keyHeads][32][headDim]. Slots that no row has written may hold anything, NaN included. The bits of a row equal those of
/// <see cref="Attention"/> however the sequence was cut into chunks.
/// </remarks>
public static unsafe class PagedAttention
{
    /// <summary>Floats of one page: 32 positions of keys and of values.</summary>
    /// <param name="keyHeads">Key heads.</param>
    /// <param name="headDim">Elements of a head.</param>
    public static int PageFloats(int keyHeads, int headDim) => checked(2 * keyHeads * headDim * Attention.Tile);

    /// <summary>Stores this call's keys and values at positions Start to Start + Rows - 1 of each sequence.</summary>
    /// <param name="shape">Heads; the scale and window do not matter here.</param>
    /// <param name="sequences">The sequences; their pages exist up to the last position written.</param>
    /// <param name="k">[rows, keyHeads * headDim].</param>
    /// <param name="v">[rows, keyHeads * headDim].</param>
    /// <exception cref="ArgumentException">A length does not fit, or a sequence leaves the rows.</exception>
    public static void Write(in AttentionShape shape, ReadOnlySpan<PagedSequence> sequences, ReadOnlySpan<float> k, ReadOnlySpan<float> v)
    {
        if (KernelPath.UseAvx512)
        {
            Write<Avx512Tiles>(shape, sequences, k, v);
        }
        else if (KernelPath.UseAvx2)
        {
            Write<Avx2Tiles>(shape, sequences, k, v);
        }
        else
        {
            Write<ScalarTiles>(shape, sequences, k, v);
        }
    }

    /// <summary>Effectively computes, for each row at position i and each head, <c>y = sum over seen j of softmax_j(scale q_i k_j) v_j</c>,
    /// j read from the pages, with the shape's soft cap and the slopes' bias on the scaled products where there are any.</summary>
    /// <param name="shape">Heads, scale, window, cap.</param>
    /// <param name="sequences">The sequences, this call's rows already written by <see cref="Write"/>.</param>
    /// <param name="q">[rows, heads * headDim].</param>
    /// <param name="y">[rows, heads * headDim], written for the rows of the sequences; does not overlap <paramref name="q"/>.</param>
    /// <param name="slopes">[heads], the slopes of a bias that grows with the key's position (ALiBi); or empty.</param>
    /// <exception cref="ArgumentException">A length does not fit, or a sequence leaves the rows.</exception>
    public static void Forward(
        in AttentionShape shape, ReadOnlySpan<PagedSequence> sequences, ReadOnlySpan<float> q, Span<float> y, ReadOnlySpan<float> slopes = default)
    {
        if (KernelPath.UseAvx512)
        {
            Forward<Avx512Tiles>(shape, sequences, q, y, slopes);
        }
        else if (KernelPath.UseAvx2)
        {
            Forward<Avx2Tiles>(shape, sequences, q, y, slopes);
        }
        else
        {
            Forward<ScalarTiles>(shape, sequences, q, y, slopes);
        }
    }

    internal static void Write<TTiles>(
        in AttentionShape shape, ReadOnlySpan<PagedSequence> sequences, ReadOnlySpan<float> k, ReadOnlySpan<float> v)
        where TTiles : unmanaged, ITileKernels
    {
        shape.ThrowIfDefault();
        int rows = RowArguments.Rows(k, shape.KeyWidth);
        RowArguments.Length(v, k.Length);
        Check(sequences, rows);
        fixed (PagedSequence* pSequences = sequences)
        fixed (float* pk = k, pv = v)
        {
            WriteKernel<TTiles> kernel = new() { Shape = shape, Sequences = pSequences, K = pk, V = pv };
            int parts = sequences.Length * shape.KeyHeads;
            RowTeam.Run(ref kernel, parts, Math.Max(1, k.Length / Math.Max(1, parts)));
        }
    }

    internal static void Forward<TTiles>(
        in AttentionShape shape, ReadOnlySpan<PagedSequence> sequences, ReadOnlySpan<float> q, Span<float> y, ReadOnlySpan<float> slopes = default)
        where TTiles : unmanaged, ITileKernels
    {
        shape.ThrowIfDefault();
        int rows = RowArguments.Rows(q, shape.QueryWidth);
        RowArguments.Length(y, q.Length);
        RowArguments.LengthOrEmpty(slopes, shape.Heads);
        Attention.ThrowIfOverlaps(y, q, q, q);
        Check(sequences, rows);
        fixed (PagedSequence* pSequences = sequences)
        fixed (float* pq = q, py = y, pSlopes = slopes)
        {
            ForwardCall<TTiles> call = new() { Shape = shape, Curve = new ScoreCurve(shape, pSlopes), Sequences = pSequences, Q = pq, Y = py };
            TaskList.Run(ref call, shape, sequences.Length);
        }
    }

    private static void Check(ReadOnlySpan<PagedSequence> sequences, int rows)
    {
        for (int i = 0; i < sequences.Length; i++)
        {
            ref readonly PagedSequence s = ref sequences[i];
            bool within = s.Row >= 0 && s.Rows >= 0 && s.Row <= rows - s.Rows && s.Start >= 0 && s.Start <= int.MaxValue - s.Rows;
            if (!within || (s.Pages is null && s.Rows > 0))
            {
                throw new ArgumentException(
                    $"PagedAttention: sequence {i} covers {s.Rows} rows from {s.Row} at position {s.Start}; "
                    + $"expected rows within {rows}, a position of 0 or more, and pages",
                    nameof(sequences));
            }
        }
    }

    /// <summary>"Row" n is key head n mod keyHeads of sequence n / keyHeads.</summary>
    private struct WriteKernel<TTiles> : IRowKernel
        where TTiles : unmanaged, ITileKernels
    {
        public AttentionShape Shape;
        public PagedSequence* Sequences;
        public float* K;
        public float* V;

        public readonly void Row(int row)
        {
            ref readonly PagedSequence sequence = ref Sequences[row / Shape.KeyHeads];
            int keyHead = row % Shape.KeyHeads;
            int headDim = Shape.HeadDim;
            nint tileFloats = (nint)headDim * Attention.Tile;
            nint stride = Shape.KeyWidth;
            nint from = (sequence.Row * stride) + ((nint)keyHead * headDim);
            int done = 0;
            while (done < sequence.Rows)
            {
                int slot = (sequence.Start + done) % Attention.Tile;
                int count = Math.Min(Attention.Tile - slot, sequence.Rows - done);
                float* page = sequence.Pages[(sequence.Start + done) / Attention.Tile];
                nint at = from + (done * stride);
                TTiles.Transpose(K + at, stride, count, headDim, page + (keyHead * tileFloats), slot);
                float* values = page + ((Shape.KeyHeads + keyHead) * tileFloats) + ((nint)slot * headDim);
                for (int i = 0; i < count; i++)
                {
                    new ReadOnlySpan<float>(V + at + (i * stride), headDim).CopyTo(new Span<float>(values + (i * headDim), headDim));
                }
                done += count;
            }
        }
    }

    private struct ForwardCall<TTiles> : IAttentionCall
        where TTiles : unmanaged, ITileKernels
    {
        public AttentionShape Shape;
        public ScoreCurve Curve;
        public PagedSequence* Sequences;
        public float* Q;
        public float* Y;

        public readonly int Rows(int sequence) => Sequences[sequence].Rows;

        public readonly int Keys(int sequence)
        {
            int end = Sequences[sequence].Start + Sequences[sequence].Rows;
            return end - Shape.FirstSeen(end);
        }

        public readonly void Run(AttentionTaskId task)
        {
            ref readonly PagedSequence sequence = ref Sequences[task.Sequence];
            nint tileFloats = (nint)Shape.HeadDim * Attention.Tile;
            nint query = (((nint)sequence.Row + task.FirstRow) * Shape.QueryWidth) + ((nint)task.KeyHead * Shape.Group * Shape.HeadDim);
            ForwardTask block = new()
            {
                Q = Q + query,
                Y = Y + query,
                Shape = Shape,
                Curve = Curve,
                FirstHead = task.KeyHead * Shape.Group,
                Rows = task.Rows,
                Position = sequence.Start + task.FirstRow,
            };
            block.Run<TTiles, PageSource>(new PageSource
            {
                Pages = sequence.Pages,
                KeyOffset = task.KeyHead * tileFloats,
                ValueOffset = (Shape.KeyHeads + task.KeyHead) * tileFloats,
                HeadDim = Shape.HeadDim,
            });
        }
    }
}
