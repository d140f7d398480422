using System.Runtime.CompilerServices;

namespace Lorikeet.Kernels;

/// <summary>
/// The backward of one sequence and one key head. Tiles of keys ascend; each meets the blocks of 32 queries that see it, head after head.
/// dq gathers over ascending tiles; dk and dv gather over heads, blocks and rows in ascending order: one chain an element.
/// </summary>
internal unsafe struct BackwardTask<TTiles> : IJob
    where TTiles : unmanaged, ITileKernels
{
    private const int Tile = Attention.Tile;

    public AttentionShape Shape;
    public ScoreCurve Curve;
    public AttentionSequence* Sequences;
    public float* Q;
    public float* K;
    public float* V;
    public float* Y;
    public float* LogSumExp;
    public float* Dy;
    public float* Dq;
    public float* Dk;
    public float* Dv;

    [SkipLocalsInit]
    public readonly void Execute(int chunk)
    {
        AttentionSequence sequence = Sequences[chunk / Shape.KeyHeads];
        int keyHead = chunk % Shape.KeyHeads;
        int rows = sequence.Rows;
        int headDim = Shape.HeadDim;
        int group = Shape.Group;
        nint keyStride = Shape.KeyWidth;
        nint key = (sequence.Row * keyStride) + ((nint)keyHead * headDim);
        nint query = ((nint)sequence.Row * Shape.QueryWidth) + ((nint)keyHead * group * headDim);
        nint log = ((nint)sequence.Row * Shape.Heads) + ((nint)keyHead * group);
        float* keys = stackalloc float[headDim * Tile];
        float* values = stackalloc float[headDim * Tile];
        float* p = stackalloc float[((2 * Tile) + 1) * Tile];
        new Span<float>(p + (2 * Tile * Tile), Tile).Fill(Shape.Scale);
        for (int i = 0; i < rows; i++)
        {
            new Span<float>(Dq + query + ((nint)i * Shape.QueryWidth), group * headDim).Clear();
        }
        for (int first = 0; first < rows; first += Tile)
        {
            int count = Math.Min(Tile, rows - first);
            nint at = key + (first * keyStride);
            Attention.PackTile<TTiles>(K + at, keyStride, count, headDim, keys);
            Attention.PackTile<TTiles>(V + at, keyStride, count, headDim, values);
            for (int j = 0; j < count; j++)
            {
                new Span<float>(Dk + at + (j * keyStride), headDim).Clear();
                new Span<float>(Dv + at + (j * keyStride), headDim).Clear();
            }
            // Past this row no query sees any key of the tile.
            int end = Shape.Window == 0 ? rows : (int)Math.Min(rows, (long)first + count - 1 + Shape.Window);
            for (int head = 0; head < group; head++)
            {
                for (int block = first; block < end; block += Tile)
                {
                    nint from = query + ((nint)block * Shape.QueryWidth) + ((nint)head * headDim);
                    nint logs = log + ((nint)block * Shape.Heads) + head;
                    Visit((keyHead * group) + head, first, count, block, Math.Min(Tile, end - block), from, logs, at, keys, values, p);
                }
            }
        }
    }

    [SkipLocalsInit]
    private readonly void Visit(
        int head, int first, int count, int block, int queries, nint from, nint logs, nint at, float* keys, float* values, float* p)
    {
        float* slopes = p + (Tile * Tile);
        float* factors = slopes + (Tile * Tile);
        float scale = Curve.Bends ? 1f : Shape.Scale;
        nint stride = Shape.QueryWidth;
        int headDim = Shape.HeadDim;
        for (int i = 0; i < queries; i += 3)
        {
            int together = Math.Min(3, queries - i);
            nint row = from + (i * stride);
            TTiles.Scores(Q + row, Q + row + stride, Q + row + (2 * stride), together, keys, headDim, p + (i * Tile));
            TTiles.Scores(Dy + row, Dy + row + stride, Dy + row + (2 * stride), together, values, headDim, slopes + (i * Tile));
        }
        for (int i = 0; i < queries; i++)
        {
            int position = block + i;
            int lo = Math.Max(Shape.FirstSeen(position) - first, 0);
            int hi = Math.Min(position - first + 1, count);
            nint row = from + (i * stride);
            float dot = Fold.Dot(Dy + row, Y + row, headDim);
            float logSumExp = LogSumExp[logs + ((nint)i * Shape.Heads)];
            if (Curve.Bends)
            {
                TTiles.Bend(Curve, p + (i * Tile), factors, head, first, position);
            }
            TTiles.SoftmaxBackward(p + (i * Tile), slopes + (i * Tile), factors, lo, hi, scale, logSumExp, dot);
        }
        AddQueries(first, count, block, queries, from, at, slopes);
        AddKeys(first, count, block, queries, at, from, p, Dv, Dy);
        AddKeys(first, count, block, queries, at, from, slopes, Dk, Q);
    }

    // dq_i += sum over seen j of slope_ij k_j.
    private readonly void AddQueries(int first, int count, int block, int queries, nint from, nint at, float* slopes)
    {
        nint stride = Shape.QueryWidth;
        int i = 0;
        while (i < queries)
        {
            int lo = Math.Max(Shape.FirstSeen(block + i) - first, 0);
            int hi = Math.Min(block + i - first + 1, count);
            int together = 1;
            while (together < 3 && i + together < queries
                && Math.Max(Shape.FirstSeen(block + i + together) - first, 0) == lo
                && Math.Min(block + i + together - first + 1, count) == hi)
            {
                together++;
            }
            if (lo < hi)
            {
                float* to = Dq + from + (i * stride);
                Weights weights = Ones(slopes + (i * Tile), Tile, 1);
                TTiles.Accumulate(to, to + stride, to + (2 * stride), together, weights, K + at, Shape.KeyWidth, lo, hi, Shape.HeadDim);
            }
            i += together;
        }
    }

    // to_j += sum over the queries i that see j of weights_ij from_i.
    private readonly void AddKeys(
        int first, int count, int block, int queries, nint at, nint from, float* weights, float* results, float* vectors)
    {
        nint stride = Shape.KeyWidth;
        int j = 0;
        while (j < count)
        {
            int lo = Math.Max(first + j - block, 0);
            int hi = LastQuery(first + j, block, queries);
            int together = 1;
            while (together < 3 && j + together < count
                && Math.Max(first + j + together - block, 0) == lo && LastQuery(first + j + together, block, queries) == hi)
            {
                together++;
            }
            if (lo < hi)
            {
                float* to = results + at + (j * stride);
                Weights w = Ones(weights + j, 1, Tile);
                TTiles.Accumulate(
                    to, to + stride, to + (2 * stride), together, w, vectors + from, Shape.QueryWidth, lo, hi, Shape.HeadDim);
            }
            j += together;
        }
    }

    // One past the last query of a block that sees the key at a position.
    private readonly int LastQuery(int position, int block, int queries) =>
        Shape.Window == 0 ? queries : (int)Math.Min(queries, (long)position + Shape.Window - block);

    private static Weights Ones(float* weights, int between, int stride) => new()
    {
        W0 = weights,
        W1 = weights + between,
        W2 = weights + (2 * between),
        Stride = stride,
        Factor0 = 1f,
        Factor1 = 1f,
        Factor2 = 1f,
    };
}
