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
    public static void Run<TFormat, TDot>(int rows, byte* x, nint xStride, byte* codes, float* scales, float* offsets, int blocks, float* y, nint yStride, bool load)
        where TFormat : struct, IPanelFormat
        where TDot : struct, IIntegerDot
    {
        switch (rows)
        {
            case 4:
                Tile<TFormat, TDot, Rows4>(x, xStride, codes, scales, offsets, blocks, y, yStride, load);
                break;
            case 3:
                Tile<TFormat, TDot, Rows3>(x, xStride, codes, scales, offsets, blocks, y, yStride, load);
                break;
            case 2:
                Tile<TFormat, TDot, Rows2>(x, xStride, codes, scales, offsets, blocks, y, yStride, load);
                break;
            default:
                Tile<TFormat, TDot, Rows1>(x, xStride, codes, scales, offsets, blocks, y, yStride, load);
                break;
        }
    }

    private static void Tile<TFormat, TDot, TRows>(byte* x0, nint xStride, byte* codes, float* scales, float* offsets, int blocks, float* y, nint yStride, bool load)
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
            a1 = b1 = TDot.Begin(Correction<TFormat>(x1 + firstSum));
            a2 = b2 = TDot.Begin(Correction<TFormat>(x2 + firstSum));
            a3 = b3 = TDot.Begin(Correction<TFormat>(x3 + firstSum));
            for (nint s = 0; s < 4; s++)
            {
                Vector256<byte> v = TDot.Left(TFormat.Low(codes, s, 0)), w = TDot.Left(TFormat.Low(codes, s, 32));
                Step<TDot>(v, w, x0 + (4 * s), ref a0, ref b0);
                if (TRows.Count > 1)
                {
                    Step<TDot>(v, w, x1 + (4 * s), ref a1, ref b1);
                }
                if (TRows.Count > 2)
                {
                    Step<TDot>(v, w, x2 + (4 * s), ref a2, ref b2);
                }
                if (TRows.Count > 3)
                {
                    Step<TDot>(v, w, x3 + (4 * s), ref a3, ref b3);
                }
            }
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
            for (nint s = 0; s < 4; s++)
            {
                Vector256<byte> v = TDot.Left(TFormat.High(codes, s, 0)), w = TDot.Left(TFormat.High(codes, s, 32));
                Step<TDot>(v, w, x0 + 16 + (4 * s), ref a0, ref b0);
                if (TRows.Count > 1)
                {
                    Step<TDot>(v, w, x1 + 16 + (4 * s), ref a1, ref b1);
                }
                if (TRows.Count > 2)
                {
                    Step<TDot>(v, w, x2 + 16 + (4 * s), ref a2, ref b2);
                }
                if (TRows.Count > 3)
                {
                    Step<TDot>(v, w, x3 + 16 + (4 * s), ref a3, ref b3);
                }
            }
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
            x1 += CodedRows.BlockBytes;
            x2 += CodedRows.BlockBytes;
            x3 += CodedRows.BlockBytes;
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
