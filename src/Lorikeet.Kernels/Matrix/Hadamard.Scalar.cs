namespace Lorikeet.Kernels;

public static unsafe partial class Hadamard
{
    private static void ProductScalar(float* x, float* b, int count, float* to)
    {
        for (int k = 0; k < count; k++)
        {
            to[k] = x[k] * b[k];
        }
    }

    /// <summary>One row of <c>Reduce</c>, outputs from <paramref name="first"/> on.</summary>
    private static void ReduceRowScalar(float* q, float* a, int rank, int first, int outputs, float scale, float* y, bool accumulate)
    {
        for (int o = first; o < outputs; o++)
        {
            float sum = 0f;
            for (int j = 0; j < rank; j++)
            {
                sum = MathF.FusedMultiplyAdd(a[(long)j * outputs + o], q[(long)j * outputs + o], sum);
            }
            y[o] = accumulate ? MathF.FusedMultiplyAdd(scale, sum, y[o]) : scale * sum;
        }
    }
}
