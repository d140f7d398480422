namespace Lorikeet.Kernels;

/// <summary>The float32 products of a matrix whose panels are expanded into the cache as they are needed.</summary>
internal unsafe struct PanelExpansion
{
    private const int Lanes = TileKernel.Lanes;

    /// <summary>
    /// Expands part of a panel of 16 outputs: (context, panel, first input, a multiple of 16, how many, where to [inputs][16]). The exact dequantised values,
    /// so that both products see the same matrix.
    /// </summary>
    public delegate*<void*, int, int, int, float*, void> Expand;

    /// <summary>What <see cref="Expand"/> is given; it outlives the product.</summary>
    public void* Context;

    /// <summary>Bytes of a stored value, for the count of what is read.</summary>
    public double ValueBytes;

    /// <summary>y = (accumulate ? y : 0) + x W^T.</summary>
    public readonly void Multiply(ReadOnlySpan<float> x, int rows, int outputs, int inputs, Span<float> y, bool accumulate) =>
        Run(x, rows, outputs, inputs, y, accumulate, transposed: false);

    /// <summary>dx = (accumulate ? dx : 0) + dy W.</summary>
    public readonly void MultiplyTransposed(ReadOnlySpan<float> dy, int rows, int outputs, int inputs, Span<float> dx, bool accumulate) =>
        Run(dy, rows, inputs, outputs, dx, accumulate, transposed: true);

    // Columns of the product and length of its chains: outputs and inputs, or the other way round.
    private readonly void Run(ReadOnlySpan<float> x, int rows, int columns, int depth, Span<float> y, bool accumulate, bool transposed)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(rows);
        Require.Length(x.Length, (long)rows * depth, nameof(x), "[rows, depth]");
        Require.Length(y.Length, (long)rows * columns, nameof(y), "[rows, columns]");
        if (rows == 0)
        {
            return;
        }
        KernelWork.Count(rows, columns, depth, (double)columns * depth * ValueBytes);
        fixed (float* left = x)
        fixed (float* to = y)
        {
            if (KernelPath.Current == KernelVariant.Scalar)
            {
                RunScalar(left, rows, columns, depth, to, accumulate, transposed);
                return;
            }
            PanelSource source = new()
            {
                Kind = transposed ? PanelKind.ExpandedTransposed : PanelKind.Expanded,
                Expansion = this,
                Columns = columns,
                Depth = depth,
            };
            if (KernelPath.UseAvx512)
            {
                PanelProduct<WideTiles>.Run(source, left, transposeX: false, rows, to, accumulate, scale: 1f, chainFromY: true);
            }
            else
            {
                PanelProduct<NarrowTiles>.Run(source, left, transposeX: false, rows, to, accumulate, scale: 1f, chainFromY: true);
            }
        }
    }

    /// <summary>The reference: the whole panel is expanded, then plain loops.</summary>
    internal readonly void RunScalar(float* x, int rows, int columns, int depth, float* y, bool accumulate, bool transposed)
    {
        ScalarJob job = new() { Expansion = this, X = x, Rows = rows, Columns = columns, Depth = depth, Y = y, Accumulate = accumulate, Transposed = transposed };
        Team.Shared.Run(ref job, (columns + Lanes - 1) / Lanes);
    }

    private struct ScalarJob : IJob
    {
        public PanelExpansion Expansion;
        public float* X;
        public int Rows;
        public int Columns;
        public int Depth;
        public float* Y;
        public bool Accumulate;
        public bool Transposed;

        public readonly void Execute(int chunk)
        {
            int first = chunk * Lanes, end = Math.Min(Columns, first + Lanes);
            int deep = (Depth + Lanes - 1) / Lanes * Lanes;
            float* values = (float*)ThreadScratch.Take((nuint)deep * Lanes * sizeof(float));
            for (int k = 0; k < Depth && Transposed; k += Lanes)
            {
                // Block [input][output] of panel k / 16.
                Expansion.Expand(Expansion.Context, k / Lanes, first, end - first, values + (k * Lanes));
            }
            if (!Transposed)
            {
                Expansion.Expand(Expansion.Context, chunk, 0, Depth, values);
            }
            for (int r = 0; r < Rows; r++)
            {
                for (int c = first; c < end; c++)
                {
                    float* y = Y + ((long)r * Columns) + c;
                    float sum = Accumulate ? *y : 0f;
                    for (int k = 0; k < Depth; k++)
                    {
                        float w = Transposed ? values[(k / Lanes * Lanes * Lanes) + ((c - first) * Lanes) + (k % Lanes)] : values[(k * Lanes) + c - first];
                        sum = MathF.FusedMultiplyAdd(X[((long)r * Depth) + k], w, sum);
                    }
                    *y = sum;
                }
            }
        }
    }
}
