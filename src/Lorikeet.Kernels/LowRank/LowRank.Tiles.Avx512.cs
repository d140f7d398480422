using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Lorikeet.Kernels;

/// <content>The 512-bit kernels of many rows of one adapter: factors are widened in registers, a tile of eight rows shares them. Bound by arithmetic.</content>
public static unsafe partial class LowRank
{
    private const int WideRows = 8;

    // h of all rows for one panel of 16 ranks.
    private static void ShrinkRowsWide<TFactor>(byte* a, float* x, int inputs, int rows, float* h, nint width)
        where TFactor : struct, IFactor
    {
        for (int r = 0, some; r < rows; r += some)
        {
            some = NextWide(rows - r);
            ShrinkTile<TFactor>(some, a, x + ((long)r * inputs), inputs, h + (r * width), width);
        }
    }

    // y of all rows for two panels of 16 outputs.
    private static void ExpandRowsWide<TFactor>(
        byte* b, nint panelBytes, int rank, float* h, nint width, int rows, float* bias, float* scales, float* y, int outputs)
        where TFactor : struct, IFactor
    {
        for (int r = 0, some; r < rows; r += some)
        {
            some = NextWide(rows - r);
            ExpandTile<TFactor>(some, b, panelBytes, rank, h + (r * width), width, bias, scales + r, y + ((long)r * outputs), outputs);
        }
    }

    // Tiles within one row of each other: narrow ones do not hide the latency.
    private static int NextWide(int left)
    {
        int tiles = (left + WideRows - 1) / WideRows;
        return (left + tiles - 1) / tiles;
    }

    private static void ShrinkTile<TFactor>(int rows, byte* a, float* x, int inputs, float* h, nint width)
        where TFactor : struct, IFactor
    {
        switch (rows)
        {
            case 8:
                ShrinkTile<TFactor, Rows8>(a, x, inputs, inputs, h, width);
                break;
            case 7:
                ShrinkTile<TFactor, Rows7>(a, x, inputs, inputs, h, width);
                break;
            case 6:
                ShrinkTile<TFactor, Rows6>(a, x, inputs, inputs, h, width);
                break;
            case 5:
                ShrinkTile<TFactor, Rows5>(a, x, inputs, inputs, h, width);
                break;
            case 4:
                ShrinkTile<TFactor, Rows4>(a, x, inputs, inputs, h, width);
                break;
            case 3:
                ShrinkTile<TFactor, Rows3>(a, x, inputs, inputs, h, width);
                break;
            case 2:
                ShrinkTile<TFactor, Rows2>(a, x, inputs, inputs, h, width);
                break;
            default:
                ShrinkTile<TFactor, Rows1>(a, x, inputs, inputs, h, width);
                break;
        }
    }

    private static void ExpandTile<TFactor>(
        int rows, byte* b, nint panelBytes, int rank, float* h, nint width, float* bias, float* scales, float* y, int outputs)
        where TFactor : struct, IFactor
    {
        switch (rows)
        {
            case 8:
                ExpandTile<TFactor, Rows8>(b, panelBytes, rank, h, width, bias, scales, y, outputs);
                break;
            case 7:
                ExpandTile<TFactor, Rows7>(b, panelBytes, rank, h, width, bias, scales, y, outputs);
                break;
            case 6:
                ExpandTile<TFactor, Rows6>(b, panelBytes, rank, h, width, bias, scales, y, outputs);
                break;
            case 5:
                ExpandTile<TFactor, Rows5>(b, panelBytes, rank, h, width, bias, scales, y, outputs);
                break;
            case 4:
                ExpandTile<TFactor, Rows4>(b, panelBytes, rank, h, width, bias, scales, y, outputs);
                break;
            case 3:
                ExpandTile<TFactor, Rows3>(b, panelBytes, rank, h, width, bias, scales, y, outputs);
                break;
            case 2:
                ExpandTile<TFactor, Rows2>(b, panelBytes, rank, h, width, bias, scales, y, outputs);
                break;
            default:
                ExpandTile<TFactor, Rows1>(b, panelBytes, rank, h, width, bias, scales, y, outputs);
                break;
        }
    }

    // h[rows, 16] = x A of up to eight rows: eight chains, each fed from memory, hide the latency of two FMA units.
    private static void ShrinkTile<TFactor, TRows>(byte* a, float* x, nint stride, int depth, float* h, nint width)
        where TFactor : struct, IFactor
        where TRows : struct, IRows
    {
        nint step = 16 * TFactor.Size, s1 = stride, s2 = 2 * stride, s3 = 3 * stride;
        float* y = x + (4 * stride);
        Vector512<float> r0, r1, r2, r3, r4, r5, r6, r7;
        r0 = r1 = r2 = r3 = r4 = r5 = r6 = r7 = Vector512<float>.Zero;
        nint k = 0;
        for (; k + 2 <= depth; k += 2, a += 2 * step)
        {
            Vector512<float> panel = TFactor.EvenWide(a);
            r0 = Avx512F.FusedMultiplyAdd(Broadcast(x + k), panel, r0);
            if (TRows.Count > 1)
            {
                r1 = Avx512F.FusedMultiplyAdd(Broadcast(x + s1 + k), panel, r1);
            }
            if (TRows.Count > 2)
            {
                r2 = Avx512F.FusedMultiplyAdd(Broadcast(x + s2 + k), panel, r2);
            }
            if (TRows.Count > 3)
            {
                r3 = Avx512F.FusedMultiplyAdd(Broadcast(x + s3 + k), panel, r3);
            }
            if (TRows.Count > 4)
            {
                r4 = Avx512F.FusedMultiplyAdd(Broadcast(y + k), panel, r4);
            }
            if (TRows.Count > 5)
            {
                r5 = Avx512F.FusedMultiplyAdd(Broadcast(y + s1 + k), panel, r5);
            }
            if (TRows.Count > 6)
            {
                r6 = Avx512F.FusedMultiplyAdd(Broadcast(y + s2 + k), panel, r6);
            }
            if (TRows.Count > 7)
            {
                r7 = Avx512F.FusedMultiplyAdd(Broadcast(y + s3 + k), panel, r7);
            }
            panel = TFactor.OddWide(a, step);
            r0 = Avx512F.FusedMultiplyAdd(Broadcast(x + k + 1), panel, r0);
            if (TRows.Count > 1)
            {
                r1 = Avx512F.FusedMultiplyAdd(Broadcast(x + s1 + k + 1), panel, r1);
            }
            if (TRows.Count > 2)
            {
                r2 = Avx512F.FusedMultiplyAdd(Broadcast(x + s2 + k + 1), panel, r2);
            }
            if (TRows.Count > 3)
            {
                r3 = Avx512F.FusedMultiplyAdd(Broadcast(x + s3 + k + 1), panel, r3);
            }
            if (TRows.Count > 4)
            {
                r4 = Avx512F.FusedMultiplyAdd(Broadcast(y + k + 1), panel, r4);
            }
            if (TRows.Count > 5)
            {
                r5 = Avx512F.FusedMultiplyAdd(Broadcast(y + s1 + k + 1), panel, r5);
            }
            if (TRows.Count > 6)
            {
                r6 = Avx512F.FusedMultiplyAdd(Broadcast(y + s2 + k + 1), panel, r6);
            }
            if (TRows.Count > 7)
            {
                r7 = Avx512F.FusedMultiplyAdd(Broadcast(y + s3 + k + 1), panel, r7);
            }
        }
        if (k < depth)
        {
            Vector512<float> panel = TFactor.EvenWide(a);
            r0 = Avx512F.FusedMultiplyAdd(Broadcast(x + k), panel, r0);
            if (TRows.Count > 1)
            {
                r1 = Avx512F.FusedMultiplyAdd(Broadcast(x + s1 + k), panel, r1);
            }
            if (TRows.Count > 2)
            {
                r2 = Avx512F.FusedMultiplyAdd(Broadcast(x + s2 + k), panel, r2);
            }
            if (TRows.Count > 3)
            {
                r3 = Avx512F.FusedMultiplyAdd(Broadcast(x + s3 + k), panel, r3);
            }
            if (TRows.Count > 4)
            {
                r4 = Avx512F.FusedMultiplyAdd(Broadcast(y + k), panel, r4);
            }
            if (TRows.Count > 5)
            {
                r5 = Avx512F.FusedMultiplyAdd(Broadcast(y + s1 + k), panel, r5);
            }
            if (TRows.Count > 6)
            {
                r6 = Avx512F.FusedMultiplyAdd(Broadcast(y + s2 + k), panel, r6);
            }
            if (TRows.Count > 7)
            {
                r7 = Avx512F.FusedMultiplyAdd(Broadcast(y + s3 + k), panel, r7);
            }
        }
        Avx512F.Store(h, r0);
        if (TRows.Count > 1)
        {
            Avx512F.Store(h + (1 * width), r1);
        }
        if (TRows.Count > 2)
        {
            Avx512F.Store(h + (2 * width), r2);
        }
        if (TRows.Count > 3)
        {
            Avx512F.Store(h + (3 * width), r3);
        }
        if (TRows.Count > 4)
        {
            Avx512F.Store(h + (4 * width), r4);
        }
        if (TRows.Count > 5)
        {
            Avx512F.Store(h + (5 * width), r5);
        }
        if (TRows.Count > 6)
        {
            Avx512F.Store(h + (6 * width), r6);
        }
        if (TRows.Count > 7)
        {
            Avx512F.Store(h + (7 * width), r7);
        }
    }

    // y[rows, 32] += scale * (bias + h B) of up to eight rows and two panels: sixteen chains, added to y as they end.
    private static void ExpandTile<TFactor, TRows>(
        byte* b, nint panelBytes, int rank, float* h, nint width, float* bias, float* scales, float* y, nint outputs)
        where TFactor : struct, IFactor
        where TRows : struct, IRows
    {
        nint step = 16 * TFactor.Size, s1 = width, s2 = 2 * width, s3 = 3 * width;
        float* g = h + (4 * width);
        Vector512<float> low = bias is null ? Vector512<float>.Zero : Avx512F.LoadVector512(bias);
        Vector512<float> high = bias is null ? Vector512<float>.Zero : Avx512F.LoadVector512(bias + 16);
        Vector512<float> r0, r1, r2, r3, r4, r5, r6, r7, q0, q1, q2, q3, q4, q5, q6, q7;
        r0 = r1 = r2 = r3 = r4 = r5 = r6 = r7 = low;
        q0 = q1 = q2 = q3 = q4 = q5 = q6 = q7 = high;
        nint j = 0;
        for (; j + 2 <= rank; j += 2, b += 2 * step)
        {
            low = TFactor.EvenWide(b);
            high = TFactor.EvenWide(b + panelBytes);
            Both(h + j, low, high, ref r0, ref q0);
            if (TRows.Count > 1)
            {
                Both(h + s1 + j, low, high, ref r1, ref q1);
            }
            if (TRows.Count > 2)
            {
                Both(h + s2 + j, low, high, ref r2, ref q2);
            }
            if (TRows.Count > 3)
            {
                Both(h + s3 + j, low, high, ref r3, ref q3);
            }
            if (TRows.Count > 4)
            {
                Both(g + j, low, high, ref r4, ref q4);
            }
            if (TRows.Count > 5)
            {
                Both(g + s1 + j, low, high, ref r5, ref q5);
            }
            if (TRows.Count > 6)
            {
                Both(g + s2 + j, low, high, ref r6, ref q6);
            }
            if (TRows.Count > 7)
            {
                Both(g + s3 + j, low, high, ref r7, ref q7);
            }
            low = TFactor.OddWide(b, step);
            high = TFactor.OddWide(b + panelBytes, step);
            Both(h + j + 1, low, high, ref r0, ref q0);
            if (TRows.Count > 1)
            {
                Both(h + s1 + j + 1, low, high, ref r1, ref q1);
            }
            if (TRows.Count > 2)
            {
                Both(h + s2 + j + 1, low, high, ref r2, ref q2);
            }
            if (TRows.Count > 3)
            {
                Both(h + s3 + j + 1, low, high, ref r3, ref q3);
            }
            if (TRows.Count > 4)
            {
                Both(g + j + 1, low, high, ref r4, ref q4);
            }
            if (TRows.Count > 5)
            {
                Both(g + s1 + j + 1, low, high, ref r5, ref q5);
            }
            if (TRows.Count > 6)
            {
                Both(g + s2 + j + 1, low, high, ref r6, ref q6);
            }
            if (TRows.Count > 7)
            {
                Both(g + s3 + j + 1, low, high, ref r7, ref q7);
            }
        }
        if (j < rank)
        {
            low = TFactor.EvenWide(b);
            high = TFactor.EvenWide(b + panelBytes);
            Both(h + j, low, high, ref r0, ref q0);
            if (TRows.Count > 1)
            {
                Both(h + s1 + j, low, high, ref r1, ref q1);
            }
            if (TRows.Count > 2)
            {
                Both(h + s2 + j, low, high, ref r2, ref q2);
            }
            if (TRows.Count > 3)
            {
                Both(h + s3 + j, low, high, ref r3, ref q3);
            }
            if (TRows.Count > 4)
            {
                Both(g + j, low, high, ref r4, ref q4);
            }
            if (TRows.Count > 5)
            {
                Both(g + s1 + j, low, high, ref r5, ref q5);
            }
            if (TRows.Count > 6)
            {
                Both(g + s2 + j, low, high, ref r6, ref q6);
            }
            if (TRows.Count > 7)
            {
                Both(g + s3 + j, low, high, ref r7, ref q7);
            }
        }
        Finish(scales[0], r0, q0, y);
        if (TRows.Count > 1)
        {
            Finish(scales[1], r1, q1, y + (1 * outputs));
        }
        if (TRows.Count > 2)
        {
            Finish(scales[2], r2, q2, y + (2 * outputs));
        }
        if (TRows.Count > 3)
        {
            Finish(scales[3], r3, q3, y + (3 * outputs));
        }
        if (TRows.Count > 4)
        {
            Finish(scales[4], r4, q4, y + (4 * outputs));
        }
        if (TRows.Count > 5)
        {
            Finish(scales[5], r5, q5, y + (5 * outputs));
        }
        if (TRows.Count > 6)
        {
            Finish(scales[6], r6, q6, y + (6 * outputs));
        }
        if (TRows.Count > 7)
        {
            Finish(scales[7], r7, q7, y + (7 * outputs));
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Both(float* h, Vector512<float> low, Vector512<float> high, ref Vector512<float> r, ref Vector512<float> q)
    {
        Vector512<float> value = Broadcast(h);
        r = Avx512F.FusedMultiplyAdd(value, low, r);
        q = Avx512F.FusedMultiplyAdd(value, high, q);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Finish(float scale, Vector512<float> r, Vector512<float> q, float* y)
    {
        Vector512<float> factor = Vector512.Create(scale);
        Avx512F.Store(y, Avx512F.FusedMultiplyAdd(factor, r, Avx512F.LoadVector512(y)));
        Avx512F.Store(y + 16, Avx512F.FusedMultiplyAdd(factor, q, Avx512F.LoadVector512(y + 16)));
    }
}
