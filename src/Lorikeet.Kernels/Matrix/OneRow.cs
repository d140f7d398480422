using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Lorikeet.Kernels;

/// <summary>One row by four panels of 16 lanes with AVX2: bound by reading the panels; eight chains hide the FMA latency.</summary>
internal static unsafe class OneRow
{
    /// <summary><c>y[l] = (load ? y[l] : 0) + sum over i of x[i] panel[i, l]</c>, l below 64.</summary>
    /// <param name="x">[depth].</param>
    /// <param name="panel">Four panels [depth, 16].</param>
    /// <param name="one">Bytes from one panel to the next.</param>
    /// <param name="step">Bytes of one k.</param>
    /// <param name="depth">Length of the chain.</param>
    /// <param name="y">[64].</param>
    /// <param name="load">Chains start at y, not at zero.</param>
    /// <param name="distance">Bytes that are fetched before they are read; they need not exist.</param>
    public static void Run<TElement>(float* x, byte* panel, nint one, nint step, int depth, float* y, bool load, nint distance)
        where TElement : struct, IElement
    {
        nint two = 2 * one, three = 3 * one;
        Vector256<float> a0, b0, a1, b1, a2, b2, a3, b3;
        a0 = b0 = a1 = b1 = a2 = b2 = a3 = b3 = Vector256<float>.Zero;
        if (load)
        {
            a0 = Avx.LoadVector256(y);
            b0 = Avx.LoadVector256(y + 8);
            a1 = Avx.LoadVector256(y + 16);
            b1 = Avx.LoadVector256(y + 24);
            a2 = Avx.LoadVector256(y + 32);
            b2 = Avx.LoadVector256(y + 40);
            a3 = Avx.LoadVector256(y + 48);
            b3 = Avx.LoadVector256(y + 56);
        }
        Vector256<float> value;
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
            value = Avx.BroadcastScalarToVector256(x);
            a0 = Fma.MultiplyAdd(value, TElement.Even(panel), a0);
            b0 = Fma.MultiplyAdd(value, TElement.Even(panel + 32), b0);
            a1 = Fma.MultiplyAdd(value, TElement.Even(panel + one), a1);
            b1 = Fma.MultiplyAdd(value, TElement.Even(panel + one + 32), b1);
            a2 = Fma.MultiplyAdd(value, TElement.Even(panel + two), a2);
            b2 = Fma.MultiplyAdd(value, TElement.Even(panel + two + 32), b2);
            a3 = Fma.MultiplyAdd(value, TElement.Even(panel + three), a3);
            b3 = Fma.MultiplyAdd(value, TElement.Even(panel + three + 32), b3);
            value = Avx.BroadcastScalarToVector256(x + 1);
            a0 = Fma.MultiplyAdd(value, TElement.Odd(panel, step), a0);
            b0 = Fma.MultiplyAdd(value, TElement.Odd(panel + 32, step), b0);
            a1 = Fma.MultiplyAdd(value, TElement.Odd(panel + one, step), a1);
            b1 = Fma.MultiplyAdd(value, TElement.Odd(panel + one + 32, step), b1);
            a2 = Fma.MultiplyAdd(value, TElement.Odd(panel + two, step), a2);
            b2 = Fma.MultiplyAdd(value, TElement.Odd(panel + two + 32, step), b2);
            a3 = Fma.MultiplyAdd(value, TElement.Odd(panel + three, step), a3);
            b3 = Fma.MultiplyAdd(value, TElement.Odd(panel + three + 32, step), b3);
            panel += 2 * step;
            x += 2;
        }
        if ((depth & 1) != 0)
        {
            value = Avx.BroadcastScalarToVector256(x);
            a0 = Fma.MultiplyAdd(value, TElement.Even(panel), a0);
            b0 = Fma.MultiplyAdd(value, TElement.Even(panel + 32), b0);
            a1 = Fma.MultiplyAdd(value, TElement.Even(panel + one), a1);
            b1 = Fma.MultiplyAdd(value, TElement.Even(panel + one + 32), b1);
            a2 = Fma.MultiplyAdd(value, TElement.Even(panel + two), a2);
            b2 = Fma.MultiplyAdd(value, TElement.Even(panel + two + 32), b2);
            a3 = Fma.MultiplyAdd(value, TElement.Even(panel + three), a3);
            b3 = Fma.MultiplyAdd(value, TElement.Even(panel + three + 32), b3);
        }
        Avx.Store(y, a0);
        Avx.Store(y + 8, b0);
        Avx.Store(y + 16, a1);
        Avx.Store(y + 24, b1);
        Avx.Store(y + 32, a2);
        Avx.Store(y + 40, b2);
        Avx.Store(y + 48, a3);
        Avx.Store(y + 56, b3);
    }
}
