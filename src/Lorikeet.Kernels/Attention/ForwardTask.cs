using System.Runtime.CompilerServices;

namespace Lorikeet.Kernels;

/// <summary>Where the keys and values of one sequence and key head lie, tile by tile.</summary>
internal unsafe interface ITileSource
{
    /// <summary>The tile's keys as [headDim][32]; its values as rows of <see cref="ValueStride"/> elements.</summary>
    void Get(int tile, out float* keys, out float* values);

    nint ValueStride { get; }
}

/// <summary>Pages: keys are stored as the kernels want them.</summary>
internal unsafe struct PageSource : ITileSource
{
    public float** Pages;
    public nint KeyOffset;
    public nint ValueOffset;
    public int HeadDim;

    public readonly nint ValueStride => HeadDim;

    public readonly void Get(int tile, out float* keys, out float* values)
    {
        float* page = Pages[tile];
        keys = page + KeyOffset;
        values = page + ValueOffset;
    }
}

/// <summary>Rows of a training step: each tile of keys is transposed into scratch, used by a block of queries, and forgotten.</summary>
internal unsafe struct RowSource<TTiles> : ITileSource
    where TTiles : unmanaged, ITileKernels
{
    public float* Keys;
    public float* Values;
    public nint Stride;
    public int Rows;
    public int HeadDim;
    public float* Scratch;

    public readonly nint ValueStride => Stride;

    public readonly void Get(int tile, out float* keys, out float* values)
    {
        int first = tile * Attention.Tile;
        Attention.PackTile<TTiles>(Keys + (first * Stride), Stride, Math.Min(Attention.Tile, Rows - first), HeadDim, Scratch);
        keys = Scratch;
        values = Values + (first * Stride);
    }
}

/// <summary>
/// A block of consecutive rows of one sequence, and the query heads that share one key head: query i is head i mod group of row i / group.
/// Every tile is visited once and meets all queries while it lies in the first-level cache (Dao et al. 2022, arXiv:2205.14135, algorithm
/// 1).
/// </summary>
internal unsafe struct ForwardTask
{
    /// <summary>Queries of a block: enough that transposing a tile costs little beside using it.</summary>
    public const int MostQueries = 96;

    public float* Q;
    public float* Y;
    public float* LogSumExp;
    public AttentionShape Shape;
    public ScoreCurve Curve;
    public int FirstHead;
    public int Rows;
    public int Position;

    /// <summary>Rows of a block.</summary>
    public static int BlockRows(in AttentionShape shape) => Math.Clamp(MostQueries / shape.Group, 1, 64);

    [SkipLocalsInit]
    public readonly void Run<TTiles, TSource>(in TSource source)
        where TTiles : unmanaged, ITileKernels
        where TSource : unmanaged, ITileSource
    {
        int group = Shape.Group;
        int queries = Rows * group;
        float* most = stackalloc float[2 * queries];
        float* sum = most + queries;
        new Span<float>(most, queries).Fill(float.NegativeInfinity);
        new Span<float>(sum, queries).Clear();
        for (int i = 0; i < queries; i++)
        {
            new Span<float>(Y + At(i), Shape.HeadDim).Clear();
        }
        int last = (Position + Rows - 1) / Attention.Tile;
        for (int tile = Shape.FirstSeen(Position) / Attention.Tile; tile <= last; tile++)
        {
            source.Get(tile, out float* keys, out float* values);
            Visit<TTiles>(tile * Attention.Tile, keys, values, source.ValueStride, queries, most, sum);
        }
        for (int i = 0; i < queries; i++)
        {
            Map.Run(new DivideByOperator(sum[i]), Y + At(i), Y + At(i), Shape.HeadDim);
            if (LogSumExp is not null)
            {
                LogSumExp[(i / group * Shape.Heads) + (i % group)] = most[i] + MathF.Log(sum[i]);
            }
        }
    }

    private readonly nint At(int query)
    {
        int row = Math.DivRem(query, Shape.Group, out int head);
        return ((nint)row * Shape.QueryWidth) + (head * Shape.HeadDim);
    }

    [SkipLocalsInit]
    private readonly void Visit<TTiles>(int first, float* keys, float* values, nint stride, int queries, float* most, float* sum)
        where TTiles : unmanaged, ITileKernels
    {
        const int Tile = Attention.Tile;
        float* s = stackalloc float[3 * Tile];
        int* lo = stackalloc int[3];
        int* hi = stackalloc int[3];
        nint* at = stackalloc nint[3];
        float* factor = stackalloc float[3];
        int i = 0;
        while (i < queries)
        {
            // Up to three queries that see the same keys of this tile go together; in a whole tile those are any three.
            int count = 0;
            int start = 0;
            while (count < 3 && i < queries)
            {
                int position = Position + (i / Shape.Group);
                int l = Math.Max(Shape.FirstSeen(position) - first, 0);
                int h = Math.Min(position - first + 1, Tile);
                if (l < h)
                {
                    if (count > 0 && (l != lo[0] || h != hi[0]))
                    {
                        break;
                    }
                    start = count == 0 ? i : start;
                    lo[count] = l;
                    hi[count] = h;
                    at[count] = At(i);
                    count++;
                }
                i++;
            }
            if (count == 0)
            {
                return;
            }
            TTiles.Scores(Q + at[0], Q + at[1], Q + at[2], count, keys, Shape.HeadDim, s);
            float scale = Shape.Scale;
            if (Curve.Bends)
            {
                scale = 1f;
                for (int n = 0; n < count; n++)
                {
                    int row = Math.DivRem(start + n, Shape.Group, out int head);
                    TTiles.Bend(Curve, s + (n * Tile), null, FirstHead + head, first, Position + row);
                }
            }
            for (int n = 0; n < count; n++)
            {
                factor[n] = TTiles.Softmax(s + (n * Tile), lo[0], hi[0], scale, ref most[start + n], ref sum[start + n]);
            }
            Weights weights = new()
            {
                W0 = s,
                W1 = s + Tile,
                W2 = s + (2 * Tile),
                Stride = 1,
                Factor0 = factor[0],
                Factor1 = factor[1],
                Factor2 = factor[2],
            };
            TTiles.Accumulate(Y + at[0], Y + at[1], Y + at[2], count, weights, values, stride, lo[0], hi[0], Shape.HeadDim);
        }
    }
}
