using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Lorikeet.Kernels;

/// <summary>Sums of floats (or of products of two) in double chains: element i belongs to chain i mod 8, then halves, quarters and the last
/// two.</summary>
internal static unsafe class DoubleFold
{
    /// <summary>The sum of x[i] y[i], or of x[i] where <paramref name="y"/> is null.</summary>
    public static double Run(float* x, float* y, nint count) => KernelPath.UseAvx2 ? Wide(x, y, count) : Scalar(x, y, count);

    internal static double Scalar(float* x, float* y, nint count)
    {
        double* chains = stackalloc double[8];
        new Span<double>(chains, 8).Clear();
        Rest(x, y, 0, count, chains);
        return Tree(chains);
    }

    internal static double Wide(float* x, float* y, nint count)
    {
        Vector256<double> low = Vector256<double>.Zero;
        Vector256<double> high = Vector256<double>.Zero;
        nint i = 0;
        for (; i <= count - 8; i += 8)
        {
            Vector256<double> x0 = Avx.ConvertToVector256Double(Sse.LoadVector128(x + i));
            Vector256<double> x1 = Avx.ConvertToVector256Double(Sse.LoadVector128(x + i + 4));
            if (y is null)
            {
                low = Avx.Add(low, x0);
                high = Avx.Add(high, x1);
            }
            else
            {
                low = Fma.MultiplyAdd(x0, Avx.ConvertToVector256Double(Sse.LoadVector128(y + i)), low);
                high = Fma.MultiplyAdd(x1, Avx.ConvertToVector256Double(Sse.LoadVector128(y + i + 4)), high);
            }
        }
        double* chains = stackalloc double[8];
        Avx.Store(chains, low);
        Avx.Store(chains + 4, high);
        Rest(x, y, i, count, chains);
        return Tree(chains);
    }

    // The product of two floats is exact in double: a fused and a plain multiply-add agree.
    private static void Rest(float* x, float* y, nint i, nint count, double* chains)
    {
        for (; i < count; i++)
        {
            chains[i & 7] += y is null ? x[i] : (double)x[i] * y[i];
        }
    }

    private static double Tree(double* c) => c[0] + c[4] + (c[2] + c[6]) + (c[1] + c[5] + (c[3] + c[7]));
}
