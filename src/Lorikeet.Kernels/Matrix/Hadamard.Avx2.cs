using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Lorikeet.Kernels;

/// <content>The AVX2 variant: eight columns at a time, the rest as the scalar reference does. Bound by reading and writing the rows.</content>
public static unsafe partial class Hadamard
{
    private static void ProductAvx2(float* x, float* b, int count, float* to)
    {
        int k = 0;
        for (; k + 16 <= count; k += 16)
        {
            Avx.Store(to + k, Avx.Multiply(Avx.LoadVector256(x + k), Avx.LoadVector256(b + k)));
            Avx.Store(to + k + 8, Avx.Multiply(Avx.LoadVector256(x + k + 8), Avx.LoadVector256(b + k + 8)));
        }
        for (; k + 8 <= count; k += 8)
        {
            Avx.Store(to + k, Avx.Multiply(Avx.LoadVector256(x + k), Avx.LoadVector256(b + k)));
        }
        ProductScalar(x + k, b + k, count - k, to + k);
    }

    private static void ReduceRowAvx2(float* q, float* a, int rank, int outputs, float scale, float* y, bool accumulate)
    {
        Vector256<float> factor = Vector256.Create(scale);
        int o = 0;
        for (; o + 16 <= outputs; o += 16)
        {
            Vector256<float> low = Vector256<float>.Zero;
            Vector256<float> high = Vector256<float>.Zero;
            long at = o;
            for (int j = 0; j < rank; j++, at += outputs)
            {
                low = Fma.MultiplyAdd(Avx.LoadVector256(a + at), Avx.LoadVector256(q + at), low);
                high = Fma.MultiplyAdd(Avx.LoadVector256(a + at + 8), Avx.LoadVector256(q + at + 8), high);
            }
            if (accumulate)
            {
                Avx.Store(y + o, Fma.MultiplyAdd(factor, low, Avx.LoadVector256(y + o)));
                Avx.Store(y + o + 8, Fma.MultiplyAdd(factor, high, Avx.LoadVector256(y + o + 8)));
            }
            else
            {
                Avx.Store(y + o, Avx.Multiply(factor, low));
                Avx.Store(y + o + 8, Avx.Multiply(factor, high));
            }
        }
        ReduceRowScalar(q, a, rank, o, outputs, scale, y, accumulate);
    }
}
