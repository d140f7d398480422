namespace Lorikeet.Kernels;

/// <summary>The element-wise factors of Fast LoRA around ONE shared product (FLoRA, arXiv 2312.05677, equation 6): each row has its own a and b.</summary>
/// <remarks>
/// The adapted product is <c>y = sum over j of a_j * (W (b_j * x))</c>, * element by element. <c>Expand</c> makes the b_j * x of every rank,
/// the base's kernel multiplies them all at once, <c>Reduce</c> weighs and adds. Each element of y is one chain over ascending j.
/// </remarks>
public static unsafe partial class Hadamard
{
    /// <summary>Effectively computes <c>expanded[i*rank + j, k] = x[i, k] * b[j, k]</c>.</summary>
    /// <param name="x">[rows, inputs].</param>
    /// <param name="rows">Rows; 0 does nothing.</param>
    /// <param name="inputs">Columns of x, at least 1.</param>
    /// <param name="b">[rank, inputs].</param>
    /// <param name="rank">Rank, at least 1.</param>
    /// <param name="expanded">[rows * rank, inputs]; must not overlap x or b.</param>
    /// <exception cref="ArgumentException">A span is too short.</exception>
    /// <exception cref="ArgumentOutOfRangeException">Negative rows, or another size below 1.</exception>
    public static void Expand(ReadOnlySpan<float> x, int rows, int inputs, ReadOnlySpan<float> b, int rank, Span<float> expanded)
    {
        Check(rows, inputs, rank);
        Require.Length(x.Length, (long)rows * inputs, nameof(x), "[rows, inputs]");
        Require.Length(b.Length, (long)rank * inputs, nameof(b), "[rank, inputs]");
        Require.Length(expanded.Length, (long)rows * rank * inputs, nameof(expanded), "[rows * rank, inputs]");
        fixed (float* left = x)
        fixed (float* factors = b)
        fixed (float* to = expanded)
        {
            ExpandWith(KernelPath.Current, left, rows, inputs, factors, rank, to);
        }
    }

    /// <summary>Effectively computes <c>y[i, o] = (accumulate ? y[i, o] : 0) + scale * sum over j of a[j, o] * q[i*rank + j, o]</c>.</summary>
    /// <param name="q">[rows * rank, outputs], the shared product of the expanded rows.</param>
    /// <param name="rows">Rows of y; 0 does nothing.</param>
    /// <param name="outputs">Columns of y, at least 1.</param>
    /// <param name="a">[rank, outputs].</param>
    /// <param name="rank">Rank, at least 1.</param>
    /// <param name="scale">Multiplies the sum.</param>
    /// <param name="y">[rows, outputs]; must not overlap q or a.</param>
    /// <param name="accumulate">Adds to y instead of replacing it.</param>
    /// <exception cref="ArgumentException">A span is too short.</exception>
    /// <exception cref="ArgumentOutOfRangeException">Negative rows, or another size below 1.</exception>
    public static void Reduce(
        ReadOnlySpan<float> q, int rows, int outputs, ReadOnlySpan<float> a, int rank, float scale, Span<float> y, bool accumulate = false)
    {
        Check(rows, outputs, rank);
        Require.Length(q.Length, (long)rows * rank * outputs, nameof(q), "[rows * rank, outputs]");
        Require.Length(a.Length, (long)rank * outputs, nameof(a), "[rank, outputs]");
        Require.Length(y.Length, (long)rows * outputs, nameof(y), "[rows, outputs]");
        fixed (float* products = q)
        fixed (float* factors = a)
        fixed (float* to = y)
        {
            ReduceWith(KernelPath.Current, products, rows, outputs, factors, rank, scale, to, accumulate);
        }
    }

    internal static void ExpandWith(KernelVariant variant, float* x, int rows, int inputs, float* b, int rank, float* expanded)
    {
        ExpandJob job = new() { Variant = variant, X = x, Rows = rows, Inputs = inputs, B = b, Rank = rank, Expanded = expanded };
        job.Chunks = Chunks(rows, inputs, rank);
        Team.Shared.Run(ref job, job.Chunks);
    }

    internal static void ReduceWith(
        KernelVariant variant, float* q, int rows, int outputs, float* a, int rank, float scale, float* y, bool accumulate)
    {
        ReduceJob job = new()
        {
            Variant = variant,
            Q = q,
            Rows = rows,
            Outputs = outputs,
            A = a,
            Rank = rank,
            Scale = scale,
            Y = y,
            Accumulate = accumulate,
            Chunks = Chunks(rows, outputs, rank),
        };
        Team.Shared.Run(ref job, job.Chunks);
    }

    private static int Chunks(int rows, int width, int rank) =>
        WorkSplit.Chunks(WorkSplit.Nanoseconds(0, (double)rows * rank * width * sizeof(float)), rows);

    private static void Check(int rows, int width, int rank)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(rows);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(width);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(rank);
    }

    private struct ExpandJob : IJob
    {
        public KernelVariant Variant;
        public float* X;
        public int Rows;
        public int Inputs;
        public float* B;
        public int Rank;
        public float* Expanded;
        public int Chunks;

        public readonly void Execute(int chunk)
        {
            long end = (long)Rows * (chunk + 1) / Chunks;
            for (long i = (long)Rows * chunk / Chunks; i < end; i++)
            {
                for (int j = 0; j < Rank; j++)
                {
                    float* to = Expanded + (i * Rank + j) * Inputs;
                    float* x = X + i * Inputs;
                    float* b = B + (long)j * Inputs;
                    Product(Variant, FactorType.F32, x, (byte*)b, 1f, Inputs, to);
                }
            }
        }
    }

    private struct ReduceJob : IJob
    {
        public KernelVariant Variant;
        public float* Q;
        public int Rows;
        public int Outputs;
        public float* A;
        public int Rank;
        public float Scale;
        public float* Y;
        public bool Accumulate;
        public int Chunks;

        public readonly void Execute(int chunk)
        {
            long end = (long)Rows * (chunk + 1) / Chunks;
            for (long i = (long)Rows * chunk / Chunks; i < end; i++)
            {
                float* q = Q + i * Rank * Outputs;
                float* y = Y + i * Outputs;
                Sum(Variant, FactorType.F32, q, Outputs, (byte*)A, (nint)Outputs * sizeof(float), null, Rank, Outputs, Scale, Accumulate ? y : null, y);
            }
        }
    }
}
