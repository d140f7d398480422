using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Lorikeet.Kernels;

/// <summary>One to three rows by four panels of 16 lanes with AVX-512: bound by reading the panels; up to twelve chains hide the FMA latency.</summary>
internal static unsafe class QuadTile
{
    public const int Most = 3;
    public const int Panels = 4;
    private const int Lanes = WideTile.Lanes;

    /// <summary><c>y[r, l] = (load ? y[r, l] : 0) + sum over i of x[r, i] panel[i, l]</c>, r below <paramref name="rows"/> (1 to 3), l below 64.</summary>
    /// <param name="rows">Rows, 1 to 3.</param>
    /// <param name="x">[rows, depth], rows <paramref name="xStride"/> elements apart.</param>
    /// <param name="xStride">Elements.</param>
    /// <param name="panel">Four panels [depth, 16].</param>
    /// <param name="apart">Bytes from one panel to the next.</param>
    /// <param name="step">Bytes of one k.</param>
    /// <param name="depth">Length of the chain.</param>
    /// <param name="y">[rows, 64], rows <paramref name="yStride"/> elements apart.</param>
    /// <param name="yStride">Elements.</param>
    /// <param name="load">Chains start at y, not at zero.</param>
    /// <param name="distance">Bytes that are fetched before they are read; they need not exist.</param>
    public static void Run<TElement>(int rows, float* x, nint xStride, byte* panel, nint apart, nint step, int depth, float* y, nint yStride, bool load, nint distance)
        where TElement : struct, IElement
    {
        switch (rows)
        {
            case 3:
                Tile<TElement, Rows3>(x, xStride, panel, apart, step, depth, y, yStride, load, distance);
                break;
            case 2:
                Tile<TElement, Rows2>(x, xStride, panel, apart, step, depth, y, yStride, load, distance);
                break;
            default:
                Tile<TElement, Rows1>(x, xStride, panel, apart, step, depth, y, yStride, load, distance);
                break;
        }
    }

    private static void Tile<TElement, TRows>(float* x, nint xStride, byte* panel, nint one, nint step, int depth, float* y, nint yStride, bool load, nint distance)
        where TElement : struct, IElement
        where TRows : struct, IRows
    {
        nint two = 2 * one, three = 3 * one;
        float* x1 = x + xStride;
        float* x2 = x1 + xStride;
        Vector512<float> a0, a1, a2, a3, b0, b1, b2, b3, c0, c1, c2, c3, w0, w1, w2, w3;
        a0 = a1 = a2 = a3 = b0 = b1 = b2 = b3 = c0 = c1 = c2 = c3 = Vector512<float>.Zero;
        if (load)
        {
            Load(y, out a0, out a1, out a2, out a3);
            if (TRows.Count > 1)
            {
                Load(y + yStride, out b0, out b1, out b2, out b3);
            }
            if (TRows.Count > 2)
            {
                Load(y + (2 * yStride), out c0, out c1, out c2, out c3);
            }
        }
        nint left = depth >> 1;
        nint last = Math.Min(left, distance / (2 * step));
        for (; left > 0; left--)
        {
            // Near its end a panel's place is taken by the one four further on.
            byte* next = panel + (left > last ? distance : distance + three);
            Sse.Prefetch0(next);
            Sse.Prefetch0(next + one);
            Sse.Prefetch0(next + two);
            Sse.Prefetch0(next + three);
            if (TElement.Size == sizeof(float))
            {
                next += step;
                Sse.Prefetch0(next);
                Sse.Prefetch0(next + one);
                Sse.Prefetch0(next + two);
                Sse.Prefetch0(next + three);
            }
            w0 = TElement.WideEven(panel);
            w1 = TElement.WideEven(panel + one);
            w2 = TElement.WideEven(panel + two);
            w3 = TElement.WideEven(panel + three);
            Step(*(x), w0, w1, w2, w3, ref a0, ref a1, ref a2, ref a3);
            if (TRows.Count > 1)
            {
                Step(*(x1), w0, w1, w2, w3, ref b0, ref b1, ref b2, ref b3);
            }
            if (TRows.Count > 2)
            {
                Step(*(x2), w0, w1, w2, w3, ref c0, ref c1, ref c2, ref c3);
            }
            w0 = TElement.WideOdd(panel, step);
            w1 = TElement.WideOdd(panel + one, step);
            w2 = TElement.WideOdd(panel + two, step);
            w3 = TElement.WideOdd(panel + three, step);
            Step(*(x + 1), w0, w1, w2, w3, ref a0, ref a1, ref a2, ref a3);
            if (TRows.Count > 1)
            {
                Step(*(x1 + 1), w0, w1, w2, w3, ref b0, ref b1, ref b2, ref b3);
            }
            if (TRows.Count > 2)
            {
                Step(*(x2 + 1), w0, w1, w2, w3, ref c0, ref c1, ref c2, ref c3);
            }
            panel += 2 * step;
            x += 2;
            x1 += 2;
            x2 += 2;
        }
        if ((depth & 1) != 0)
        {
            w0 = TElement.WideEven(panel);
            w1 = TElement.WideEven(panel + one);
            w2 = TElement.WideEven(panel + two);
            w3 = TElement.WideEven(panel + three);
            Step(*(x), w0, w1, w2, w3, ref a0, ref a1, ref a2, ref a3);
            if (TRows.Count > 1)
            {
                Step(*(x1), w0, w1, w2, w3, ref b0, ref b1, ref b2, ref b3);
            }
            if (TRows.Count > 2)
            {
                Step(*(x2), w0, w1, w2, w3, ref c0, ref c1, ref c2, ref c3);
            }
        }
        Store(y, a0, a1, a2, a3);
        if (TRows.Count > 1)
        {
            Store(y + yStride, b0, b1, b2, b3);
        }
        if (TRows.Count > 2)
        {
            Store(y + (2 * yStride), c0, c1, c2, c3);
        }
    }

    // One k of one row.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Step(
        float x, Vector512<float> w0, Vector512<float> w1, Vector512<float> w2, Vector512<float> w3,
        ref Vector512<float> s0, ref Vector512<float> s1, ref Vector512<float> s2, ref Vector512<float> s3)
    {
        Vector512<float> value = Vector512.Create(x);
        s0 = Avx512F.FusedMultiplyAdd(value, w0, s0);
        s1 = Avx512F.FusedMultiplyAdd(value, w1, s1);
        s2 = Avx512F.FusedMultiplyAdd(value, w2, s2);
        s3 = Avx512F.FusedMultiplyAdd(value, w3, s3);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Load(float* y, out Vector512<float> s0, out Vector512<float> s1, out Vector512<float> s2, out Vector512<float> s3)
    {
        s0 = Avx512F.LoadVector512(y);
        s1 = Avx512F.LoadVector512(y + Lanes);
        s2 = Avx512F.LoadVector512(y + (2 * Lanes));
        s3 = Avx512F.LoadVector512(y + (3 * Lanes));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Store(float* y, Vector512<float> s0, Vector512<float> s1, Vector512<float> s2, Vector512<float> s3)
    {
        Avx512F.Store(y, s0);
        Avx512F.Store(y + Lanes, s1);
        Avx512F.Store(y + (2 * Lanes), s2);
        Avx512F.Store(y + (3 * Lanes), s3);
    }
}
