using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Lorikeet.Kernels;

/// <summary>Transposed copies of float32 blocks with AVX2.</summary>
internal static unsafe partial class Transposes
{
    /// <summary><c>to[c, r] = from[r, c]</c> for a block of rows by columns; strides in elements.</summary>
    public static void Copy(float* from, nint fromStride, int rows, int columns, float* to, nint toStride)
    {
        // Strips of a cache line: each line of the source is read once, the target's sixteen rows are written in order.
        int c = 0;
        for (; c + 16 <= columns; c += 16)
        {
            if (KernelPath.UseAvx512)
            {
                WideStrip(from + c, fromStride, rows, to + c * toStride, toStride);
                continue;
            }
            Strip(from + c, fromStride, rows, 16, to + c * toStride, toStride);
        }
        if (c + 8 <= columns)
        {
            Strip(from + c, fromStride, rows, 8, to + c * toStride, toStride);
            c += 8;
        }
        for (; c < columns; c++)
        {
            for (int r = 0; r < rows; r++)
            {
                to[c * toStride + r] = from[r * fromStride + c];
            }
        }
    }

    private static void Strip(float* from, nint fromStride, int rows, int width, float* to, nint toStride)
    {
        Strip(from, fromStride, 0, rows, width, to, toStride);
    }

    private static void Strip(float* from, nint fromStride, int first, int rows, int width, float* to, nint toStride)
    {
        int r = first;
        for (; r + 8 <= rows; r += 8, from += 8 * fromStride)
        {
            Block8(from, fromStride, to + r, toStride);
            if (width == 16)
            {
                Block8(from + 8, fromStride, to + 8 * toStride + r, toStride);
            }
        }
        for (; r < rows; r++, from += fromStride)
        {
            for (int c = 0; c < width; c++)
            {
                to[c * toStride + r] = from[c];
            }
        }
    }

    // Pairs of rows are interleaved (2x2 blocks in place), then pairs of pairs (4x4), then the 128-bit halves are exchanged (8x8).
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Block8(float* from, nint fromStride, float* to, nint toStride)
    {
        Vector256<float> r0 = Avx.LoadVector256(from);
        Vector256<float> r1 = Avx.LoadVector256(from + fromStride);
        Vector256<float> r2 = Avx.LoadVector256(from + 2 * fromStride);
        Vector256<float> r3 = Avx.LoadVector256(from + 3 * fromStride);
        Vector256<float> r4 = Avx.LoadVector256(from + 4 * fromStride);
        Vector256<float> r5 = Avx.LoadVector256(from + 5 * fromStride);
        Vector256<float> r6 = Avx.LoadVector256(from + 6 * fromStride);
        Vector256<float> r7 = Avx.LoadVector256(from + 7 * fromStride);
        Vector256<float> p0 = Avx.UnpackLow(r0, r1);
        Vector256<float> p1 = Avx.UnpackHigh(r0, r1);
        Vector256<float> p2 = Avx.UnpackLow(r2, r3);
        Vector256<float> p3 = Avx.UnpackHigh(r2, r3);
        Vector256<float> p4 = Avx.UnpackLow(r4, r5);
        Vector256<float> p5 = Avx.UnpackHigh(r4, r5);
        Vector256<float> p6 = Avx.UnpackLow(r6, r7);
        Vector256<float> p7 = Avx.UnpackHigh(r6, r7);
        r0 = Avx.Shuffle(p0, p2, 0x44);
        r1 = Avx.Shuffle(p0, p2, 0xEE);
        r2 = Avx.Shuffle(p1, p3, 0x44);
        r3 = Avx.Shuffle(p1, p3, 0xEE);
        r4 = Avx.Shuffle(p4, p6, 0x44);
        r5 = Avx.Shuffle(p4, p6, 0xEE);
        r6 = Avx.Shuffle(p5, p7, 0x44);
        r7 = Avx.Shuffle(p5, p7, 0xEE);
        Avx.Store(to, Avx.Permute2x128(r0, r4, 0x20));
        Avx.Store(to + toStride, Avx.Permute2x128(r1, r5, 0x20));
        Avx.Store(to + 2 * toStride, Avx.Permute2x128(r2, r6, 0x20));
        Avx.Store(to + 3 * toStride, Avx.Permute2x128(r3, r7, 0x20));
        Avx.Store(to + 4 * toStride, Avx.Permute2x128(r0, r4, 0x31));
        Avx.Store(to + 5 * toStride, Avx.Permute2x128(r1, r5, 0x31));
        Avx.Store(to + 6 * toStride, Avx.Permute2x128(r2, r6, 0x31));
        Avx.Store(to + 7 * toStride, Avx.Permute2x128(r3, r7, 0x31));
    }
}
