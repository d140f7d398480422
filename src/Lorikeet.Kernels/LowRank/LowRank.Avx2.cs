using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Lorikeet.Kernels;

/// <content>The 256-bit kernels of single rows.</content>
public static unsafe partial class LowRank
{
    // Four panels of 16 ranks, two vectors each: eight chains hide the latency of two FMA units.
    private static void ShrinkSixteen<TFactor>(FactorStream* streams, int depth)
        where TFactor : struct, IFactor
    {
        nint step = 16 * TFactor.Size;
        float* x0 = streams[0].X, x1 = streams[1].X, x2 = streams[2].X, x3 = streams[3].X;
        byte* a0 = streams[0].A, a1 = streams[1].A, a2 = streams[2].A, a3 = streams[3].A;
        Vector256<float> s0, s1, s2, s3, t0, t1, t2, t3;
        s0 = s1 = s2 = s3 = t0 = t1 = t2 = t3 = Vector256<float>.Zero;
        nint k = 0;
        for (; k + 2 <= depth; k += 2)
        {
            Sse.Prefetch0(a0 + TFactor.Ahead);
            Sse.Prefetch0(a1 + TFactor.Ahead);
            Sse.Prefetch0(a2 + TFactor.Ahead);
            Sse.Prefetch0(a3 + TFactor.Ahead);
            if (TFactor.Size == 4)
            {
                Sse.Prefetch0(a0 + TFactor.Ahead + 64);
                Sse.Prefetch0(a1 + TFactor.Ahead + 64);
                Sse.Prefetch0(a2 + TFactor.Ahead + 64);
                Sse.Prefetch0(a3 + TFactor.Ahead + 64);
            }
            Vector256<float> value;
            value = Avx.BroadcastScalarToVector256(x0 + k);
            s0 = Fma.MultiplyAdd(value, TFactor.Even(a0), s0);
            t0 = Fma.MultiplyAdd(value, TFactor.Even(a0 + TFactor.Eight), t0);
            value = Avx.BroadcastScalarToVector256(x1 + k);
            s1 = Fma.MultiplyAdd(value, TFactor.Even(a1), s1);
            t1 = Fma.MultiplyAdd(value, TFactor.Even(a1 + TFactor.Eight), t1);
            value = Avx.BroadcastScalarToVector256(x2 + k);
            s2 = Fma.MultiplyAdd(value, TFactor.Even(a2), s2);
            t2 = Fma.MultiplyAdd(value, TFactor.Even(a2 + TFactor.Eight), t2);
            value = Avx.BroadcastScalarToVector256(x3 + k);
            s3 = Fma.MultiplyAdd(value, TFactor.Even(a3), s3);
            t3 = Fma.MultiplyAdd(value, TFactor.Even(a3 + TFactor.Eight), t3);
            value = Avx.BroadcastScalarToVector256(x0 + k + 1);
            s0 = Fma.MultiplyAdd(value, TFactor.Odd(a0, step), s0);
            t0 = Fma.MultiplyAdd(value, TFactor.Odd(a0 + TFactor.Eight, step), t0);
            value = Avx.BroadcastScalarToVector256(x1 + k + 1);
            s1 = Fma.MultiplyAdd(value, TFactor.Odd(a1, step), s1);
            t1 = Fma.MultiplyAdd(value, TFactor.Odd(a1 + TFactor.Eight, step), t1);
            value = Avx.BroadcastScalarToVector256(x2 + k + 1);
            s2 = Fma.MultiplyAdd(value, TFactor.Odd(a2, step), s2);
            t2 = Fma.MultiplyAdd(value, TFactor.Odd(a2 + TFactor.Eight, step), t2);
            value = Avx.BroadcastScalarToVector256(x3 + k + 1);
            s3 = Fma.MultiplyAdd(value, TFactor.Odd(a3, step), s3);
            t3 = Fma.MultiplyAdd(value, TFactor.Odd(a3 + TFactor.Eight, step), t3);
            a0 += 2 * step;
            a1 += 2 * step;
            a2 += 2 * step;
            a3 += 2 * step;
        }
        if (k < depth)
        {
            s0 = Fma.MultiplyAdd(Avx.BroadcastScalarToVector256(x0 + k), TFactor.Even(a0), s0);
            t0 = Fma.MultiplyAdd(Avx.BroadcastScalarToVector256(x0 + k), TFactor.Even(a0 + TFactor.Eight), t0);
            s1 = Fma.MultiplyAdd(Avx.BroadcastScalarToVector256(x1 + k), TFactor.Even(a1), s1);
            t1 = Fma.MultiplyAdd(Avx.BroadcastScalarToVector256(x1 + k), TFactor.Even(a1 + TFactor.Eight), t1);
            s2 = Fma.MultiplyAdd(Avx.BroadcastScalarToVector256(x2 + k), TFactor.Even(a2), s2);
            t2 = Fma.MultiplyAdd(Avx.BroadcastScalarToVector256(x2 + k), TFactor.Even(a2 + TFactor.Eight), t2);
            s3 = Fma.MultiplyAdd(Avx.BroadcastScalarToVector256(x3 + k), TFactor.Even(a3), s3);
            t3 = Fma.MultiplyAdd(Avx.BroadcastScalarToVector256(x3 + k), TFactor.Even(a3 + TFactor.Eight), t3);
        }
        Avx.Store(streams[0].H, s0);
        Avx.Store(streams[0].H + 8, t0);
        Avx.Store(streams[1].H, s1);
        Avx.Store(streams[1].H + 8, t1);
        Avx.Store(streams[2].H, s2);
        Avx.Store(streams[2].H + 8, t2);
        Avx.Store(streams[3].H, s3);
        Avx.Store(streams[3].H + 8, t3);
    }

    // Four panels of up to 8 ranks.
    private static void ShrinkEight<TFactor>(FactorStream* streams, int depth)
        where TFactor : struct, IFactor
    {
        nint step = 8 * TFactor.Size;
        float* x0 = streams[0].X, x1 = streams[1].X, x2 = streams[2].X, x3 = streams[3].X;
        byte* a0 = streams[0].A, a1 = streams[1].A, a2 = streams[2].A, a3 = streams[3].A;
        Vector256<float> s0, s1, s2, s3;
        s0 = s1 = s2 = s3 = Vector256<float>.Zero;
        nint k = 0;
        for (; k + 2 <= depth; k += 2)
        {
            Sse.Prefetch0(a0 + TFactor.Ahead);
            Sse.Prefetch0(a1 + TFactor.Ahead);
            Sse.Prefetch0(a2 + TFactor.Ahead);
            Sse.Prefetch0(a3 + TFactor.Ahead);
            Vector256<float> value;
            value = Avx.BroadcastScalarToVector256(x0 + k);
            s0 = Fma.MultiplyAdd(value, TFactor.Even(a0), s0);
            value = Avx.BroadcastScalarToVector256(x1 + k);
            s1 = Fma.MultiplyAdd(value, TFactor.Even(a1), s1);
            value = Avx.BroadcastScalarToVector256(x2 + k);
            s2 = Fma.MultiplyAdd(value, TFactor.Even(a2), s2);
            value = Avx.BroadcastScalarToVector256(x3 + k);
            s3 = Fma.MultiplyAdd(value, TFactor.Even(a3), s3);
            value = Avx.BroadcastScalarToVector256(x0 + k + 1);
            s0 = Fma.MultiplyAdd(value, TFactor.Odd(a0, step), s0);
            value = Avx.BroadcastScalarToVector256(x1 + k + 1);
            s1 = Fma.MultiplyAdd(value, TFactor.Odd(a1, step), s1);
            value = Avx.BroadcastScalarToVector256(x2 + k + 1);
            s2 = Fma.MultiplyAdd(value, TFactor.Odd(a2, step), s2);
            value = Avx.BroadcastScalarToVector256(x3 + k + 1);
            s3 = Fma.MultiplyAdd(value, TFactor.Odd(a3, step), s3);
            a0 += 2 * step;
            a1 += 2 * step;
            a2 += 2 * step;
            a3 += 2 * step;
        }
        if (k < depth)
        {
            s0 = Fma.MultiplyAdd(Avx.BroadcastScalarToVector256(x0 + k), TFactor.Even(a0), s0);
            s1 = Fma.MultiplyAdd(Avx.BroadcastScalarToVector256(x1 + k), TFactor.Even(a1), s1);
            s2 = Fma.MultiplyAdd(Avx.BroadcastScalarToVector256(x2 + k), TFactor.Even(a2), s2);
            s3 = Fma.MultiplyAdd(Avx.BroadcastScalarToVector256(x3 + k), TFactor.Even(a3), s3);
        }
        Avx.Store(streams[0].H, s0);
        Avx.Store(streams[1].H, s1);
        Avx.Store(streams[2].H, s2);
        Avx.Store(streams[3].H, s3);
    }

    // Four panels of up to 4 ranks.
    private static void ShrinkFour<TFactor>(FactorStream* streams, int depth)
        where TFactor : struct, IFactor
    {
        nint step = 4 * TFactor.Size;
        float* x0 = streams[0].X, x1 = streams[1].X, x2 = streams[2].X, x3 = streams[3].X;
        byte* a0 = streams[0].A, a1 = streams[1].A, a2 = streams[2].A, a3 = streams[3].A;
        Vector128<float> s0, s1, s2, s3;
        s0 = s1 = s2 = s3 = Vector128<float>.Zero;
        nint k = 0;
        for (; k + 2 <= depth; k += 2)
        {
            Sse.Prefetch0(a0 + TFactor.Ahead);
            Sse.Prefetch0(a1 + TFactor.Ahead);
            Sse.Prefetch0(a2 + TFactor.Ahead);
            Sse.Prefetch0(a3 + TFactor.Ahead);
            Vector128<float> value;
            value = Avx.BroadcastScalarToVector128(x0 + k);
            s0 = Fma.MultiplyAdd(value, TFactor.EvenFour(a0), s0);
            value = Avx.BroadcastScalarToVector128(x1 + k);
            s1 = Fma.MultiplyAdd(value, TFactor.EvenFour(a1), s1);
            value = Avx.BroadcastScalarToVector128(x2 + k);
            s2 = Fma.MultiplyAdd(value, TFactor.EvenFour(a2), s2);
            value = Avx.BroadcastScalarToVector128(x3 + k);
            s3 = Fma.MultiplyAdd(value, TFactor.EvenFour(a3), s3);
            value = Avx.BroadcastScalarToVector128(x0 + k + 1);
            s0 = Fma.MultiplyAdd(value, TFactor.OddFour(a0, step), s0);
            value = Avx.BroadcastScalarToVector128(x1 + k + 1);
            s1 = Fma.MultiplyAdd(value, TFactor.OddFour(a1, step), s1);
            value = Avx.BroadcastScalarToVector128(x2 + k + 1);
            s2 = Fma.MultiplyAdd(value, TFactor.OddFour(a2, step), s2);
            value = Avx.BroadcastScalarToVector128(x3 + k + 1);
            s3 = Fma.MultiplyAdd(value, TFactor.OddFour(a3, step), s3);
            a0 += 2 * step;
            a1 += 2 * step;
            a2 += 2 * step;
            a3 += 2 * step;
        }
        if (k < depth)
        {
            s0 = Fma.MultiplyAdd(Avx.BroadcastScalarToVector128(x0 + k), TFactor.EvenFour(a0), s0);
            s1 = Fma.MultiplyAdd(Avx.BroadcastScalarToVector128(x1 + k), TFactor.EvenFour(a1), s1);
            s2 = Fma.MultiplyAdd(Avx.BroadcastScalarToVector128(x2 + k), TFactor.EvenFour(a2), s2);
            s3 = Fma.MultiplyAdd(Avx.BroadcastScalarToVector128(x3 + k), TFactor.EvenFour(a3), s3);
        }
        Sse.Store(streams[0].H, s0);
        Sse.Store(streams[1].H, s1);
        Sse.Store(streams[2].H, s2);
        Sse.Store(streams[3].H, s3);
    }

    /// <summary>t = B h and y += scale * t for some columns of one row, from a whole panel on.</summary>
    private static void Expand<TFactor>(in LowRankSegment segment, in FactorLayout layout, float* h, float scale, float* y, int column, int columns, byte* next, bool wide)
        where TFactor : struct, IFactor
    {
        nint panelBytes = (nint)layout.PanelBytesB;
        byte* b = segment.Factors + layout.OffsetB + (column / FactorLayout.Lanes * panelBytes);
        nint ahead = (nint)(next - b);
        int o = column;
        for (; o + (4 * FactorLayout.Lanes) <= column + columns; o += 4 * FactorLayout.Lanes, b += 4 * panelBytes)
        {
            float* bias = segment.Bias is null ? null : segment.Bias + o;
            if (wide)
            {
                ExpandFourPanelsWide<TFactor>(b, panelBytes, layout.Rank, h, bias, scale, y + o, ahead);
            }
            else
            {
                ExpandFourPanels<TFactor>(b, panelBytes, layout.Rank, h, bias, scale, y + o, ahead);
            }
        }
        for (; wide && o + (2 * FactorLayout.Lanes) <= column + columns; o += 2 * FactorLayout.Lanes, b += 2 * panelBytes)
        {
            ExpandTwoPanelsWide<TFactor>(b, panelBytes, layout.Rank, h, segment.Bias is null ? null : segment.Bias + o, scale, y + o, ahead);
        }
        for (; o < column + columns; o += FactorLayout.Lanes, b += panelBytes)
        {
            int lanes = Math.Min(FactorLayout.Lanes, column + columns - o);
            ExpandPanel<TFactor>(b, layout.Rank, h, segment.Bias is null ? null : segment.Bias + o, scale, y + o, lanes);
        }
    }

    // As ExpandFourPanels for one panel, of whose lanes the first exist.
    private static void ExpandPanel<TFactor>(byte* b, int rank, float* h, float* bias, float scale, float* y, int lanes)
        where TFactor : struct, IFactor
    {
        // Lanes that do not exist are computed beside y.
        float* beside = stackalloc float[2 * FactorLayout.Lanes];
        bool whole = lanes == FactorLayout.Lanes;
        float* edge = whole ? y : beside, start = whole && bias is not null ? bias : beside + FactorLayout.Lanes;
        for (int l = 0; l < lanes && !whole; l++)
        {
            edge[l] = y[l];
            start[l] = bias is null ? 0f : bias[l];
        }
        nint step = 16 * TFactor.Size;
        Vector256<float> s = Avx.LoadVector256(start), t = Avx.LoadVector256(start + 8);
        for (nint j = 0; j < rank; j += 2, b += 2 * step)
        {
            Vector256<float> value = Avx.BroadcastScalarToVector256(h + j);
            s = Fma.MultiplyAdd(value, TFactor.Even(b), s);
            t = Fma.MultiplyAdd(value, TFactor.Even(b + TFactor.Eight), t);
            if (j + 1 < rank)
            {
                value = Avx.BroadcastScalarToVector256(h + j + 1);
                s = Fma.MultiplyAdd(value, TFactor.Odd(b, step), s);
                t = Fma.MultiplyAdd(value, TFactor.Odd(b + TFactor.Eight, step), t);
            }
        }
        Vector256<float> factor = Vector256.Create(scale);
        Avx.Store(edge, Fma.MultiplyAdd(factor, s, Avx.LoadVector256(edge)));
        Avx.Store(edge + 8, Fma.MultiplyAdd(factor, t, Avx.LoadVector256(edge + 8)));
        if (!whole)
        {
            new ReadOnlySpan<float>(edge, lanes).CopyTo(new Span<float>(y, lanes));
        }
    }

    // t = B h and y += scale * t for 64 outputs: four panels of B, read straight through.
    private static void ExpandFourPanels<TFactor>(byte* b0, nint panelBytes, int rank, float* h, float* bias, float scale, float* y, nint ahead)
        where TFactor : struct, IFactor
    {
        nint step = 16 * TFactor.Size;
        byte* b1 = b0 + panelBytes, b2 = b1 + panelBytes, b3 = b2 + panelBytes;
        Vector256<float> s0, t0, s1, t1, s2, t2, s3, t3;
        s0 = t0 = s1 = t1 = s2 = t2 = s3 = t3 = Vector256<float>.Zero;
        if (bias is not null)
        {
            s0 = Avx.LoadVector256(bias + 0);
            t0 = Avx.LoadVector256(bias + 8);
            s1 = Avx.LoadVector256(bias + 16);
            t1 = Avx.LoadVector256(bias + 24);
            s2 = Avx.LoadVector256(bias + 32);
            t2 = Avx.LoadVector256(bias + 40);
            s3 = Avx.LoadVector256(bias + 48);
            t3 = Avx.LoadVector256(bias + 56);
        }
        nint j = 0;
        for (; j + 2 <= rank; j += 2)
        {
            Sse.Prefetch0(b0 + ahead);
            Sse.Prefetch0(b1 + ahead);
            Sse.Prefetch0(b2 + ahead);
            Sse.Prefetch0(b3 + ahead);
            if (TFactor.Size == 4)
            {
                Sse.Prefetch0(b0 + ahead + 64);
                Sse.Prefetch0(b1 + ahead + 64);
                Sse.Prefetch0(b2 + ahead + 64);
                Sse.Prefetch0(b3 + ahead + 64);
            }
            Vector256<float> value = Avx.BroadcastScalarToVector256(h + j);
            s0 = Fma.MultiplyAdd(value, TFactor.Even(b0), s0);
            t0 = Fma.MultiplyAdd(value, TFactor.Even(b0 + TFactor.Eight), t0);
            s1 = Fma.MultiplyAdd(value, TFactor.Even(b1), s1);
            t1 = Fma.MultiplyAdd(value, TFactor.Even(b1 + TFactor.Eight), t1);
            s2 = Fma.MultiplyAdd(value, TFactor.Even(b2), s2);
            t2 = Fma.MultiplyAdd(value, TFactor.Even(b2 + TFactor.Eight), t2);
            s3 = Fma.MultiplyAdd(value, TFactor.Even(b3), s3);
            t3 = Fma.MultiplyAdd(value, TFactor.Even(b3 + TFactor.Eight), t3);
            value = Avx.BroadcastScalarToVector256(h + j + 1);
            s0 = Fma.MultiplyAdd(value, TFactor.Odd(b0, step), s0);
            t0 = Fma.MultiplyAdd(value, TFactor.Odd(b0 + TFactor.Eight, step), t0);
            s1 = Fma.MultiplyAdd(value, TFactor.Odd(b1, step), s1);
            t1 = Fma.MultiplyAdd(value, TFactor.Odd(b1 + TFactor.Eight, step), t1);
            s2 = Fma.MultiplyAdd(value, TFactor.Odd(b2, step), s2);
            t2 = Fma.MultiplyAdd(value, TFactor.Odd(b2 + TFactor.Eight, step), t2);
            s3 = Fma.MultiplyAdd(value, TFactor.Odd(b3, step), s3);
            t3 = Fma.MultiplyAdd(value, TFactor.Odd(b3 + TFactor.Eight, step), t3);
            b0 += 2 * step;
            b1 += 2 * step;
            b2 += 2 * step;
            b3 += 2 * step;
        }
        if (j < rank)
        {
            Vector256<float> value = Avx.BroadcastScalarToVector256(h + j);
            s0 = Fma.MultiplyAdd(value, TFactor.Even(b0), s0);
            t0 = Fma.MultiplyAdd(value, TFactor.Even(b0 + TFactor.Eight), t0);
            s1 = Fma.MultiplyAdd(value, TFactor.Even(b1), s1);
            t1 = Fma.MultiplyAdd(value, TFactor.Even(b1 + TFactor.Eight), t1);
            s2 = Fma.MultiplyAdd(value, TFactor.Even(b2), s2);
            t2 = Fma.MultiplyAdd(value, TFactor.Even(b2 + TFactor.Eight), t2);
            s3 = Fma.MultiplyAdd(value, TFactor.Even(b3), s3);
            t3 = Fma.MultiplyAdd(value, TFactor.Even(b3 + TFactor.Eight), t3);
        }
        Vector256<float> factor = Vector256.Create(scale);
        Avx.Store(y + 0, Fma.MultiplyAdd(factor, s0, Avx.LoadVector256(y + 0)));
        Avx.Store(y + 8, Fma.MultiplyAdd(factor, t0, Avx.LoadVector256(y + 8)));
        Avx.Store(y + 16, Fma.MultiplyAdd(factor, s1, Avx.LoadVector256(y + 16)));
        Avx.Store(y + 24, Fma.MultiplyAdd(factor, t1, Avx.LoadVector256(y + 24)));
        Avx.Store(y + 32, Fma.MultiplyAdd(factor, s2, Avx.LoadVector256(y + 32)));
        Avx.Store(y + 40, Fma.MultiplyAdd(factor, t2, Avx.LoadVector256(y + 40)));
        Avx.Store(y + 48, Fma.MultiplyAdd(factor, s3, Avx.LoadVector256(y + 48)));
        Avx.Store(y + 56, Fma.MultiplyAdd(factor, t3, Avx.LoadVector256(y + 56)));
    }
}
