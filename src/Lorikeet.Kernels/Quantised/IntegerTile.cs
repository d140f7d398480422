using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Lorikeet.Kernels;

/// <summary>A tile of 1 to 4 coded rows times a panel of 16 outputs: exact integer sums over 32 (or 16) inputs, then one float32 step of the chain.</summary>
/// <remarks>
/// 8 integer sums, 2 vectors of codes and 1 broadcast are what the 16 AVX registers hold; the float32 sums, touched once for 32 inputs, may wait on
/// the stack. A block of 4 rows costs 64 VPDPBUSD (twice or more as many instructions with AVX2) and about 40 others.
/// </remarks>
internal static unsafe class IntegerTile
{
    public const int Most = 4;
    public const int Lanes = 16;

    /// <summary>How many of the rows left the next tile takes: 4, but 5 to 7 are halved.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int Next(int left) => left <= Most ? left : left < 2 * Most ? (left + 1) / 2 : Most;

    /// <summary>
    /// For each block of 32 (or 16) inputs in order: <c>y[r, l] = fma(sum of products, scale[l] * scale of x[r], y[r, l])</c>, with offsets then
    /// <c>y[r, l] = fma(offset[l], -sum of x[r] * scale of x[r], y[r, l])</c>; y starts at 0, or as it is with <paramref name="load"/>.
    /// </summary>
    /// <param name="rows">Rows, 1 to 4.</param>
    /// <param name="x">Coded rows, <paramref name="xStride"/> bytes apart.</param>
    /// <param name="xStride">Bytes.</param>
    /// <param name="codes">The panel's codes, block after block.</param>
    /// <param name="scales">[blocks * groups, 16].</param>
    /// <param name="offsets">[blocks, 16]; unused without offsets.</param>
    /// <param name="blocks">Blocks of 32 inputs.</param>
    /// <param name="y">[rows, 16], rows <paramref name="yStride"/> elements apart.</param>
    /// <param name="yStride">Elements.</param>
    /// <param name="load">Chains start at y.</param>
    /// <param name="ahead">How far ahead codes are fetched into the cache, in bytes; what is there need not exist.</param>
    public static void Run<TFormat, TDot>(int rows, byte* x, nint xStride, byte* codes, float* scales, float* offsets, int blocks, float* y, nint yStride, bool load, nint ahead)
        where TFormat : struct, IPanelFormat
        where TDot : struct, IIntegerDot
    {
        switch (rows)
        {
            case 4:
                Tile<TFormat, TDot, Rows4>(x, xStride, codes, scales, offsets, blocks, y, yStride, load, ahead);
                break;
            case 3:
                Tile<TFormat, TDot, Rows3>(x, xStride, codes, scales, offsets, blocks, y, yStride, load, ahead);
                break;
            case 2:
                Tile<TFormat, TDot, Rows2>(x, xStride, codes, scales, offsets, blocks, y, yStride, load, ahead);
                break;
            default:
                Tile<TFormat, TDot, Rows1>(x, xStride, codes, scales, offsets, blocks, y, yStride, load, ahead);
                break;
        }
    }

    private static void Tile<TFormat, TDot, TRows>(byte* x0, nint xStride, byte* codes, float* scales, float* offsets, int blocks, float* y, nint yStride, bool load, nint ahead)
        where TFormat : struct, IPanelFormat
        where TDot : struct, IIntegerDot
        where TRows : struct, IRows
    {
        byte* x1 = TRows.Count > 1 ? x0 + xStride : x0;
        byte* x2 = TRows.Count > 2 ? x1 + xStride : x0;
        byte* x3 = TRows.Count > 3 ? x2 + xStride : x0;
        Vector256<float> f0, g0, f1, g1, f2, g2, f3, g3;
        f0 = g0 = f1 = g1 = f2 = g2 = f3 = g3 = Vector256<float>.Zero;
        if (load)
        {
            Load(y, ref f0, ref g0);
            if (TRows.Count > 1)
            {
                Load(y + yStride, ref f1, ref g1);
            }
            if (TRows.Count > 2)
            {
                Load(y + (2 * yStride), ref f2, ref g2);
            }
            if (TRows.Count > 3)
            {
                Load(y + (3 * yStride), ref f3, ref g3);
            }
        }
        // 16 inputs share a scale in some formats, 32 in others.
        int firstSum = TFormat.Groups == 2 ? CodedRows.LowSumAt : CodedRows.SumAt;
        for (int b = 0; b < blocks; b++)
        {
            Vector256<int> a0, b0, a1, b1, a2, b2, a3, b3;
            a0 = b0 = TDot.Begin(Correction<TFormat>(x0 + firstSum));
            a1 = b1 = TRows.Count > 1 ? TDot.Begin(Correction<TFormat>(x1 + firstSum)) : a0;
            a2 = b2 = TRows.Count > 2 ? TDot.Begin(Correction<TFormat>(x2 + firstSum)) : a0;
            a3 = b3 = TRows.Count > 3 ? TDot.Begin(Correction<TFormat>(x3 + firstSum)) : a0;
            Low<TFormat, TDot, TRows>(codes, 0, ahead, x0, x1, x2, x3, ref a0, ref b0, ref a1, ref b1, ref a2, ref b2, ref a3, ref b3);
            Low<TFormat, TDot, TRows>(codes, 1, ahead, x0, x1, x2, x3, ref a0, ref b0, ref a1, ref b1, ref a2, ref b2, ref a3, ref b3);
            Low<TFormat, TDot, TRows>(codes, 2, ahead, x0, x1, x2, x3, ref a0, ref b0, ref a1, ref b1, ref a2, ref b2, ref a3, ref b3);
            Low<TFormat, TDot, TRows>(codes, 3, ahead, x0, x1, x2, x3, ref a0, ref b0, ref a1, ref b1, ref a2, ref b2, ref a3, ref b3);
            if (TFormat.Groups == 2)
            {
                Vector256<float> low = Vector256.Load(scales), high = Vector256.Load(scales + 8);
                Chain<TFormat, TDot>(x0, firstSum, a0, b0, low, high, ref f0, ref g0);
                a0 = b0 = TDot.Begin(Correction<TFormat>(x0 + CodedRows.HighSumAt));
                if (TRows.Count > 1)
                {
                    Chain<TFormat, TDot>(x1, firstSum, a1, b1, low, high, ref f1, ref g1);
                    a1 = b1 = TDot.Begin(Correction<TFormat>(x1 + CodedRows.HighSumAt));
                }
                if (TRows.Count > 2)
                {
                    Chain<TFormat, TDot>(x2, firstSum, a2, b2, low, high, ref f2, ref g2);
                    a2 = b2 = TDot.Begin(Correction<TFormat>(x2 + CodedRows.HighSumAt));
                }
                if (TRows.Count > 3)
                {
                    Chain<TFormat, TDot>(x3, firstSum, a3, b3, low, high, ref f3, ref g3);
                    a3 = b3 = TDot.Begin(Correction<TFormat>(x3 + CodedRows.HighSumAt));
                }
                scales += Lanes;
            }
            High<TFormat, TDot, TRows>(codes, 0, ahead, x0, x1, x2, x3, ref a0, ref b0, ref a1, ref b1, ref a2, ref b2, ref a3, ref b3);
            High<TFormat, TDot, TRows>(codes, 1, ahead, x0, x1, x2, x3, ref a0, ref b0, ref a1, ref b1, ref a2, ref b2, ref a3, ref b3);
            High<TFormat, TDot, TRows>(codes, 2, ahead, x0, x1, x2, x3, ref a0, ref b0, ref a1, ref b1, ref a2, ref b2, ref a3, ref b3);
            High<TFormat, TDot, TRows>(codes, 3, ahead, x0, x1, x2, x3, ref a0, ref b0, ref a1, ref b1, ref a2, ref b2, ref a3, ref b3);
            {
                int sum = TFormat.Groups == 2 ? CodedRows.HighSumAt : CodedRows.SumAt;
                Vector256<float> low = Vector256.Load(scales), high = Vector256.Load(scales + 8);
                Chain<TFormat, TDot>(x0, sum, a0, b0, low, high, ref f0, ref g0);
                if (TRows.Count > 1)
                {
                    Chain<TFormat, TDot>(x1, sum, a1, b1, low, high, ref f1, ref g1);
                }
                if (TRows.Count > 2)
                {
                    Chain<TFormat, TDot>(x2, sum, a2, b2, low, high, ref f2, ref g2);
                }
                if (TRows.Count > 3)
                {
                    Chain<TFormat, TDot>(x3, sum, a3, b3, low, high, ref f3, ref g3);
                }
                scales += Lanes;
            }
            if (TFormat.Offsets)
            {
                Vector256<float> low = Vector256.Load(offsets), high = Vector256.Load(offsets + 8);
                Offset(x0, low, high, ref f0, ref g0);
                if (TRows.Count > 1)
                {
                    Offset(x1, low, high, ref f1, ref g1);
                }
                if (TRows.Count > 2)
                {
                    Offset(x2, low, high, ref f2, ref g2);
                }
                if (TRows.Count > 3)
                {
                    Offset(x3, low, high, ref f3, ref g3);
                }
                offsets += Lanes;
            }
            codes += TFormat.CodeBytes;
            x0 += CodedRows.BlockBytes;
            x1 += TRows.Count > 1 ? CodedRows.BlockBytes : 0;
            x2 += TRows.Count > 2 ? CodedRows.BlockBytes : 0;
            x3 += TRows.Count > 3 ? CodedRows.BlockBytes : 0;
        }
        Store(y, f0, g0);
        if (TRows.Count > 1)
        {
            Store(y + yStride, f1, g1);
        }
        if (TRows.Count > 2)
        {
            Store(y + (2 * yStride), f2, g2);
        }
        if (TRows.Count > 3)
        {
            Store(y + (3 * yStride), f3, g3);
        }
    }

    // Steps 0 to 3 of a block, each with its own number: the JIT folds all addresses.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Low<TFormat, TDot, TRows>(
        byte* codes, nint step, nint ahead, byte* x0, byte* x1, byte* x2, byte* x3, ref Vector256<int> a0, ref Vector256<int> b0, ref Vector256<int> a1,
        ref Vector256<int> b1, ref Vector256<int> a2, ref Vector256<int> b2, ref Vector256<int> a3, ref Vector256<int> b3)
        where TFormat : struct, IPanelFormat
        where TDot : struct, IIntegerDot
        where TRows : struct, IRows
    {
        Sse.Prefetch0(codes + ahead + (64 * step));
        Vector256<byte> v = TDot.Left(TFormat.Low(codes, step, 0)), w = TDot.Left(TFormat.Low(codes, step, 32));
        Rows<TDot, TRows>(v, w, 4 * step, x0, x1, x2, x3, ref a0, ref b0, ref a1, ref b1, ref a2, ref b2, ref a3, ref b3);
    }

    // Steps 4 to 7, counted from 0.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void High<TFormat, TDot, TRows>(
        byte* codes, nint step, nint ahead, byte* x0, byte* x1, byte* x2, byte* x3, ref Vector256<int> a0, ref Vector256<int> b0, ref Vector256<int> a1,
        ref Vector256<int> b1, ref Vector256<int> a2, ref Vector256<int> b2, ref Vector256<int> a3, ref Vector256<int> b3)
        where TFormat : struct, IPanelFormat
        where TDot : struct, IIntegerDot
        where TRows : struct, IRows
    {
        // Nibbles share their bytes, and their cache lines, with the low steps.
        if (TFormat.CodeBytes > 256 + (64 * step))
        {
            Sse.Prefetch0(codes + ahead + 256 + (64 * step));
        }
        Vector256<byte> v = TDot.Left(TFormat.High(codes, step, 0)), w = TDot.Left(TFormat.High(codes, step, 32));
        Rows<TDot, TRows>(v, w, 16 + (4 * step), x0, x1, x2, x3, ref a0, ref b0, ref a1, ref b1, ref a2, ref b2, ref a3, ref b3);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Rows<TDot, TRows>(
        Vector256<byte> v, Vector256<byte> w, nint at, byte* x0, byte* x1, byte* x2, byte* x3, ref Vector256<int> a0, ref Vector256<int> b0, ref Vector256<int> a1,
        ref Vector256<int> b1, ref Vector256<int> a2, ref Vector256<int> b2, ref Vector256<int> a3, ref Vector256<int> b3)
        where TDot : struct, IIntegerDot
        where TRows : struct, IRows
    {
        Step<TDot>(v, w, x0 + at, ref a0, ref b0);
        if (TRows.Count > 1)
        {
            Step<TDot>(v, w, x1 + at, ref a1, ref b1);
        }
        if (TRows.Count > 2)
        {
            Step<TDot>(v, w, x2 + at, ref a2, ref b2);
        }
        if (TRows.Count > 3)
        {
            Step<TDot>(v, w, x3 + at, ref a3, ref b3);
        }
    }

    // -zero * sum of the row's codes: what the codes, which are too large by zero, would add too much.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<int> Correction<TFormat>(byte* sum)
        where TFormat : struct, IPanelFormat =>
        TFormat.Offsets ? Vector256<int>.Zero : Vector256.ShiftLeft(Avx2.BroadcastScalarToVector256((int*)sum), TFormat.ZeroShift);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Step<TDot>(Vector256<byte> v, Vector256<byte> w, byte* x, ref Vector256<int> a, ref Vector256<int> b)
        where TDot : struct, IIntegerDot
    {
        Vector256<int> four = Avx2.BroadcastScalarToVector256((int*)x);
        a = TDot.Add(a, v, four);
        b = TDot.Add(b, w, four);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Chain<TFormat, TDot>(
        byte* x, int sumAt, Vector256<int> a, Vector256<int> b, Vector256<float> low, Vector256<float> high, ref Vector256<float> f, ref Vector256<float> g)
        where TFormat : struct, IPanelFormat
        where TDot : struct, IIntegerDot
    {
        Vector256<int> correction = Correction<TFormat>(x + sumAt);
        Vector256<float> scale = Avx.BroadcastScalarToVector256((float*)(x + CodedRows.ScaleAt));
        f = Fma.MultiplyAdd(Avx.ConvertToVector256Single(TDot.End(a, correction)), low * scale, f);
        g = Fma.MultiplyAdd(Avx.ConvertToVector256Single(TDot.End(b, correction)), high * scale, g);
    }

    // The sum is stored negated: what it gives is subtracted.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Offset(byte* x, Vector256<float> low, Vector256<float> high, ref Vector256<float> f, ref Vector256<float> g)
    {
        Vector256<float> sum = Avx.ConvertToVector256Single(Avx2.BroadcastScalarToVector256((int*)(x + CodedRows.SumAt)));
        sum *= Avx.BroadcastScalarToVector256((float*)(x + CodedRows.ScaleAt));
        f = Fma.MultiplyAdd(low, sum, f);
        g = Fma.MultiplyAdd(high, sum, g);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Load(float* y, ref Vector256<float> low, ref Vector256<float> high)
    {
        low = Vector256.Load(y);
        high = Vector256.Load(y + 8);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Store(float* y, Vector256<float> low, Vector256<float> high)
    {
        low.Store(y);
        high.Store(y + 8);
    }
}
