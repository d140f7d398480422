namespace Lorikeet.Kernels;

public static unsafe partial class MatrixProduct
{
    internal static void MultiplyScalar(
        float* a, bool transposeA, float* b, bool transposeB, float* c, int m, int n, int k, float scale, bool accumulate)
    {
        ScalarJob job = new()
        {
            A = a,
            B = b,
            C = c,
            Columns = n,
            Depth = k,
            RowStep = transposeA ? 1 : k,
            DepthStepA = transposeA ? m : 1,
            ColumnStep = transposeB ? k : 1,
            DepthStepB = transposeB ? 1 : n,
            Scale = scale,
            Accumulate = accumulate,
        };
        Team.Shared.Run(ref job, m);
    }

    /// <summary>One row a chunk.</summary>
    private struct ScalarJob : IJob
    {
        public float* A;
        public float* B;
        public float* C;
        public int Columns;
        public int Depth;
        public long RowStep;
        public long DepthStepA;
        public long ColumnStep;
        public long DepthStepB;
        public float Scale;
        public bool Accumulate;

        public readonly void Execute(int row)
        {
            float* a = A + row * RowStep;
            float* c = C + (long)row * Columns;
            for (int j = 0; j < Columns; j++)
            {
                float* b = B + j * ColumnStep;
                float sum = 0f;
                for (int i = 0; i < Depth; i++)
                {
                    sum = MathF.FusedMultiplyAdd(a[i * DepthStepA], b[i * DepthStepB], sum);
                }
                c[j] = Accumulate ? MathF.FusedMultiplyAdd(Scale, sum, c[j]) : Scale * sum;
            }
        }
    }
}
