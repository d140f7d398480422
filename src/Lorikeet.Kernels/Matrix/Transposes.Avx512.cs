using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Lorikeet.Kernels;

/// <content>Blocks of 16 by 16 words with AVX-512: 64 shuffles each, which bound them where the source is in a cache.</content>
internal static unsafe partial class Transposes
{
    private static void WideStrip(float* from, nint fromStride, int rows, float* to, nint toStride)
    {
        int r = 0;
        for (; r + 16 <= rows; r += 16, from += 16 * fromStride)
        {
            Block16(from, fromStride, to + r, toStride);
        }
        Strip(from, fromStride, r, rows, 16, to, toStride);
    }

    /// <summary>
    /// Two panels [16][16] of the transposed matrix from a block of 32 inputs and 16 outputs of a packed bfloat16 matrix: words (two inputs of one output)
    /// are transposed first, then widened, which takes half the shuffles.
    /// </summary>
    [SkipLocalsInit]
    public static void TwoBF16Panels(byte* packed, float* first, float* second)
    {
        float* words = stackalloc float[256];
        Block16((float*)packed, 16, words, 16);
        for (int output = 0; output < 16; output++)
        {
            Vector512<ushort> inputs = Avx512BW.LoadVector512((ushort*)(words + (16 * output)));
            Avx512F.Store(first + (16 * output), Widen(inputs.GetLower()));
            Avx512F.Store(second + (16 * output), Widen(inputs.GetUpper()));
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<float> Widen(Vector256<ushort> halves) => Avx512F.ShiftLeftLogical(Avx512F.ConvertToVector512Int32(halves), 16).AsSingle();

    // Pairs of rows are interleaved, then pairs of pairs: each 128-bit lane then holds four rows of one column. Lanes are gathered in two more steps.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Block16(float* from, nint fromStride, float* to, nint toStride)
    {
        Four(from, fromStride, out Vector512<float> a0, out Vector512<float> a1, out Vector512<float> a2, out Vector512<float> a3);
        Four(from + (4 * fromStride), fromStride, out Vector512<float> b0, out Vector512<float> b1, out Vector512<float> b2, out Vector512<float> b3);
        Four(from + (8 * fromStride), fromStride, out Vector512<float> c0, out Vector512<float> c1, out Vector512<float> c2, out Vector512<float> c3);
        Four(from + (12 * fromStride), fromStride, out Vector512<float> d0, out Vector512<float> d1, out Vector512<float> d2, out Vector512<float> d3);
        Gather(a0, b0, c0, d0, to, toStride);
        Gather(a1, b1, c1, d1, to + (1 * toStride), toStride);
        Gather(a2, b2, c2, d2, to + (2 * toStride), toStride);
        Gather(a3, b3, c3, d3, to + (3 * toStride), toStride);
    }

    // Four rows; result c holds their columns c, c + 4, c + 8 and c + 12.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Four(
        float* from, nint stride, out Vector512<float> r0, out Vector512<float> r1, out Vector512<float> r2, out Vector512<float> r3)
    {
        Vector512<float> v0 = Avx512F.LoadVector512(from), v1 = Avx512F.LoadVector512(from + stride);
        Vector512<float> v2 = Avx512F.LoadVector512(from + (2 * stride)), v3 = Avx512F.LoadVector512(from + (3 * stride));
        Vector512<double> low01 = Avx512F.UnpackLow(v0, v1).AsDouble(), high01 = Avx512F.UnpackHigh(v0, v1).AsDouble();
        Vector512<double> low23 = Avx512F.UnpackLow(v2, v3).AsDouble(), high23 = Avx512F.UnpackHigh(v2, v3).AsDouble();
        r0 = Avx512F.UnpackLow(low01, low23).AsSingle();
        r1 = Avx512F.UnpackHigh(low01, low23).AsSingle();
        r2 = Avx512F.UnpackLow(high01, high23).AsSingle();
        r3 = Avx512F.UnpackHigh(high01, high23).AsSingle();
    }

    // Sixteen rows of four columns: stores column 0, 4, 8 and 12 of what is given.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Gather(Vector512<float> a, Vector512<float> b, Vector512<float> c, Vector512<float> d, float* to, nint stride)
    {
        Vector512<float> even0 = Avx512F.Shuffle4x128(a, b, 0x88), even1 = Avx512F.Shuffle4x128(c, d, 0x88);
        Vector512<float> odd0 = Avx512F.Shuffle4x128(a, b, 0xDD), odd1 = Avx512F.Shuffle4x128(c, d, 0xDD);
        Avx512F.Store(to, Avx512F.Shuffle4x128(even0, even1, 0x88));
        Avx512F.Store(to + (4 * stride), Avx512F.Shuffle4x128(odd0, odd1, 0x88));
        Avx512F.Store(to + (8 * stride), Avx512F.Shuffle4x128(even0, even1, 0xDD));
        Avx512F.Store(to + (12 * stride), Avx512F.Shuffle4x128(odd0, odd1, 0xDD));
    }
}
