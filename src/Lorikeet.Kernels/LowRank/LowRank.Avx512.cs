using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Lorikeet.Kernels;

/// <content>The 512-bit kernels of single rows: one register holds a k of 16 lanes, whatever the storage.</content>
public static unsafe partial class LowRank
{
    // Four panels of 16 ranks, a vector each: bound by reading the panels, so four chains are enough.
    private static void ShrinkWide<TFactor>(FactorStream* streams, int depth)
        where TFactor : struct, IFactor
    {
        nint step = 16 * TFactor.Size;
        float* x0 = streams[0].X, x1 = streams[1].X, x2 = streams[2].X, x3 = streams[3].X;
        byte* a0 = streams[0].A, a1 = streams[1].A, a2 = streams[2].A, a3 = streams[3].A;
        Vector512<float> s0, s1, s2, s3;
        s0 = s1 = s2 = s3 = Vector512<float>.Zero;
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
            Vector512<float> value;
            value = Broadcast(x0 + k);
            s0 = Avx512F.FusedMultiplyAdd(value, TFactor.EvenWide(a0), s0);
            value = Broadcast(x1 + k);
            s1 = Avx512F.FusedMultiplyAdd(value, TFactor.EvenWide(a1), s1);
            value = Broadcast(x2 + k);
            s2 = Avx512F.FusedMultiplyAdd(value, TFactor.EvenWide(a2), s2);
            value = Broadcast(x3 + k);
            s3 = Avx512F.FusedMultiplyAdd(value, TFactor.EvenWide(a3), s3);
            value = Broadcast(x0 + k + 1);
            s0 = Avx512F.FusedMultiplyAdd(value, TFactor.OddWide(a0, step), s0);
            value = Broadcast(x1 + k + 1);
            s1 = Avx512F.FusedMultiplyAdd(value, TFactor.OddWide(a1, step), s1);
            value = Broadcast(x2 + k + 1);
            s2 = Avx512F.FusedMultiplyAdd(value, TFactor.OddWide(a2, step), s2);
            value = Broadcast(x3 + k + 1);
            s3 = Avx512F.FusedMultiplyAdd(value, TFactor.OddWide(a3, step), s3);
            a0 += 2 * step;
            a1 += 2 * step;
            a2 += 2 * step;
            a3 += 2 * step;
        }
        if (k < depth)
        {
            s0 = Avx512F.FusedMultiplyAdd(Broadcast(x0 + k), TFactor.EvenWide(a0), s0);
            s1 = Avx512F.FusedMultiplyAdd(Broadcast(x1 + k), TFactor.EvenWide(a1), s1);
            s2 = Avx512F.FusedMultiplyAdd(Broadcast(x2 + k), TFactor.EvenWide(a2), s2);
            s3 = Avx512F.FusedMultiplyAdd(Broadcast(x3 + k), TFactor.EvenWide(a3), s3);
        }
        Avx512F.Store(streams[0].H, s0);
        Avx512F.Store(streams[1].H, s1);
        Avx512F.Store(streams[2].H, s2);
        Avx512F.Store(streams[3].H, s3);
    }

    // t = B h and y += scale * t for 64 outputs: four panels of B, read straight through.
    private static void ExpandFourPanelsWide<TFactor>(byte* b0, nint panelBytes, int rank, float* h, float* bias, float scale, float* y, nint ahead)
        where TFactor : struct, IFactor
    {
        nint step = 16 * TFactor.Size;
        byte* b1 = b0 + panelBytes, b2 = b1 + panelBytes, b3 = b2 + panelBytes;
        Vector512<float> s0, s1, s2, s3;
        s0 = s1 = s2 = s3 = Vector512<float>.Zero;
        if (bias is not null)
        {
            s0 = Avx512F.LoadVector512(bias + 0);
            s1 = Avx512F.LoadVector512(bias + 16);
            s2 = Avx512F.LoadVector512(bias + 32);
            s3 = Avx512F.LoadVector512(bias + 48);
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
            Vector512<float> value = Broadcast(h + j);
            s0 = Avx512F.FusedMultiplyAdd(value, TFactor.EvenWide(b0), s0);
            s1 = Avx512F.FusedMultiplyAdd(value, TFactor.EvenWide(b1), s1);
            s2 = Avx512F.FusedMultiplyAdd(value, TFactor.EvenWide(b2), s2);
            s3 = Avx512F.FusedMultiplyAdd(value, TFactor.EvenWide(b3), s3);
            value = Broadcast(h + j + 1);
            s0 = Avx512F.FusedMultiplyAdd(value, TFactor.OddWide(b0, step), s0);
            s1 = Avx512F.FusedMultiplyAdd(value, TFactor.OddWide(b1, step), s1);
            s2 = Avx512F.FusedMultiplyAdd(value, TFactor.OddWide(b2, step), s2);
            s3 = Avx512F.FusedMultiplyAdd(value, TFactor.OddWide(b3, step), s3);
            b0 += 2 * step;
            b1 += 2 * step;
            b2 += 2 * step;
            b3 += 2 * step;
        }
        if (j < rank)
        {
            Vector512<float> value = Broadcast(h + j);
            s0 = Avx512F.FusedMultiplyAdd(value, TFactor.EvenWide(b0), s0);
            s1 = Avx512F.FusedMultiplyAdd(value, TFactor.EvenWide(b1), s1);
            s2 = Avx512F.FusedMultiplyAdd(value, TFactor.EvenWide(b2), s2);
            s3 = Avx512F.FusedMultiplyAdd(value, TFactor.EvenWide(b3), s3);
        }
        Vector512<float> factor = Vector512.Create(scale);
        Avx512F.Store(y + 0, Avx512F.FusedMultiplyAdd(factor, s0, Avx512F.LoadVector512(y + 0)));
        Avx512F.Store(y + 16, Avx512F.FusedMultiplyAdd(factor, s1, Avx512F.LoadVector512(y + 16)));
        Avx512F.Store(y + 32, Avx512F.FusedMultiplyAdd(factor, s2, Avx512F.LoadVector512(y + 32)));
        Avx512F.Store(y + 48, Avx512F.FusedMultiplyAdd(factor, s3, Avx512F.LoadVector512(y + 48)));
    }

    // The same for 32 outputs: the chains of the rows that follow run beside these.
    private static void ExpandTwoPanelsWide<TFactor>(byte* b0, nint panelBytes, int rank, float* h, float* bias, float scale, float* y, nint ahead)
        where TFactor : struct, IFactor
    {
        nint step = 16 * TFactor.Size;
        byte* b1 = b0 + panelBytes;
        Vector512<float> s0, s1;
        s0 = s1 = Vector512<float>.Zero;
        if (bias is not null)
        {
            s0 = Avx512F.LoadVector512(bias + 0);
            s1 = Avx512F.LoadVector512(bias + 16);
        }
        nint j = 0;
        for (; j + 2 <= rank; j += 2)
        {
            Sse.Prefetch0(b0 + ahead);
            Sse.Prefetch0(b1 + ahead);
            if (TFactor.Size == 4)
            {
                Sse.Prefetch0(b0 + ahead + 64);
                Sse.Prefetch0(b1 + ahead + 64);
            }
            Vector512<float> value = Broadcast(h + j);
            s0 = Avx512F.FusedMultiplyAdd(value, TFactor.EvenWide(b0), s0);
            s1 = Avx512F.FusedMultiplyAdd(value, TFactor.EvenWide(b1), s1);
            value = Broadcast(h + j + 1);
            s0 = Avx512F.FusedMultiplyAdd(value, TFactor.OddWide(b0, step), s0);
            s1 = Avx512F.FusedMultiplyAdd(value, TFactor.OddWide(b1, step), s1);
            b0 += 2 * step;
            b1 += 2 * step;
        }
        if (j < rank)
        {
            Vector512<float> value = Broadcast(h + j);
            s0 = Avx512F.FusedMultiplyAdd(value, TFactor.EvenWide(b0), s0);
            s1 = Avx512F.FusedMultiplyAdd(value, TFactor.EvenWide(b1), s1);
        }
        Vector512<float> factor = Vector512.Create(scale);
        Avx512F.Store(y + 0, Avx512F.FusedMultiplyAdd(factor, s0, Avx512F.LoadVector512(y + 0)));
        Avx512F.Store(y + 16, Avx512F.FusedMultiplyAdd(factor, s1, Avx512F.LoadVector512(y + 16)));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<float> Broadcast(float* value) => Vector512.Create(*value);
}
