using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Lorikeet.Kernels;

/// <summary>The heart of every matrix product: a tile of up to 6 rows by 16 lanes in 12 registers, one chain of fused multiply-adds an element.</summary>
/// <remarks>
/// 12 accumulators, 2 vectors of the panel and 1 broadcast fill 15 of the 16 AVX registers. 12 chains cover the latency of two FMA units
/// (4 to 5 cycles each), and a k costs 8 loads for 12 FMAs. Vectors live in locals only: arrays or wide structs of them would be spilled.
/// </remarks>
internal static unsafe class TileKernel
{
    public const int Most = 6;
    public const int Lanes = 16;

    /// <summary>How many of the rows left the next tile takes: 6, but 7 to 11 are halved, because narrow tiles do not hide the FMA latency.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int Next(int left) => left <= Most ? left : left < 2 * Most ? (left + 1) / 2 : Most;

    /// <summary>
    /// <c>y[r, l] = (load ? y[r, l] : 0) + sum over i of x[r, i] panel[i, l]</c>, r below <paramref name="rows"/> (1 to 6), l below 16, i ascending below <paramref name="depth"/>.
    /// </summary>
    /// <param name="rows">Rows, 1 to 6.</param>
    /// <param name="x">[rows, depth], rows <paramref name="xStride"/> elements apart.</param>
    /// <param name="xStride">Elements.</param>
    /// <param name="panel">[depth, 16], ks <paramref name="panelStride"/> bytes apart; of halves two ks lie in 32 words, see <see cref="IElement"/>.</param>
    /// <param name="panelStride">Bytes of one k: 32 for halves.</param>
    /// <param name="depth">Length of the chain.</param>
    /// <param name="y">[rows, 16], rows <paramref name="yStride"/> elements apart.</param>
    /// <param name="yStride">Elements.</param>
    /// <param name="load">Chains start at y, not at zero.</param>
    /// <param name="ahead">What to fetch into the cache meanwhile.</param>
    public static void Run<TElement>(int rows, float* x, nint xStride, byte* panel, nint panelStride, int depth, float* y, nint yStride, bool load, Ahead ahead)
        where TElement : struct, IElement
    {
        switch (rows)
        {
            case 6:
                Tile<TElement, Rows6>(x, xStride, panel, panelStride, depth, y, yStride, load, ahead);
                break;
            case 5:
                Tile<TElement, Rows5>(x, xStride, panel, panelStride, depth, y, yStride, load, ahead);
                break;
            case 4:
                Tile<TElement, Rows4>(x, xStride, panel, panelStride, depth, y, yStride, load, ahead);
                break;
            case 3:
                Tile<TElement, Rows3>(x, xStride, panel, panelStride, depth, y, yStride, load, ahead);
                break;
            case 2:
                Tile<TElement, Rows2>(x, xStride, panel, panelStride, depth, y, yStride, load, ahead);
                break;
            default:
                Tile<TElement, Rows1>(x, xStride, panel, panelStride, depth, y, yStride, load, ahead);
                break;
        }
    }

    private static void Tile<TElement, TRows>(float* x0, nint xStride, byte* panel, nint panelStride, int depth, float* y, nint yStride, bool load, Ahead ahead)
        where TElement : struct, IElement
        where TRows : struct, IRows
    {
        // A copy: the argument lies in memory.
        Ahead fetch = ahead;
        float* x1 = TRows.Count > 1 ? x0 + xStride : x0;
        float* x2 = TRows.Count > 2 ? x1 + xStride : x0;
        float* x3 = TRows.Count > 3 ? x2 + xStride : x0;
        float* x4 = TRows.Count > 4 ? x3 + xStride : x0;
        float* x5 = TRows.Count > 5 ? x4 + xStride : x0;
        Vector256<float> a0, b0, a1, b1, a2, b2, a3, b3, a4, b4, a5, b5;
        a0 = b0 = a1 = b1 = a2 = b2 = a3 = b3 = a4 = b4 = a5 = b5 = Vector256<float>.Zero;
        if (load)
        {
            Load(y, ref a0, ref b0);
            if (TRows.Count > 1)
            {
                Load(y + yStride, ref a1, ref b1);
            }
            if (TRows.Count > 2)
            {
                Load(y + 2 * yStride, ref a2, ref b2);
            }
            if (TRows.Count > 3)
            {
                Load(y + 3 * yStride, ref a3, ref b3);
            }
            if (TRows.Count > 4)
            {
                Load(y + 4 * yStride, ref a4, ref b4);
            }
            if (TRows.Count > 5)
            {
                Load(y + 5 * yStride, ref a5, ref b5);
            }
        }
        Vector256<float> low, high;
        nint i = 0;
        for (; i + 2 <= depth; i += 2, panel += 2 * panelStride)
        {
            fetch.Fetch<TElement>();
            low = TElement.Even(panel);
            high = TElement.Even(panel + 32);
            Step(x0 + i, low, high, ref a0, ref b0);
            if (TRows.Count > 1)
            {
                Step(x1 + i, low, high, ref a1, ref b1);
            }
            if (TRows.Count > 2)
            {
                Step(x2 + i, low, high, ref a2, ref b2);
            }
            if (TRows.Count > 3)
            {
                Step(x3 + i, low, high, ref a3, ref b3);
            }
            if (TRows.Count > 4)
            {
                Step(x4 + i, low, high, ref a4, ref b4);
            }
            if (TRows.Count > 5)
            {
                Step(x5 + i, low, high, ref a5, ref b5);
            }
            low = TElement.Odd(panel, panelStride);
            high = TElement.Odd(panel + 32, panelStride);
            Step(x0 + i + 1, low, high, ref a0, ref b0);
            if (TRows.Count > 1)
            {
                Step(x1 + i + 1, low, high, ref a1, ref b1);
            }
            if (TRows.Count > 2)
            {
                Step(x2 + i + 1, low, high, ref a2, ref b2);
            }
            if (TRows.Count > 3)
            {
                Step(x3 + i + 1, low, high, ref a3, ref b3);
            }
            if (TRows.Count > 4)
            {
                Step(x4 + i + 1, low, high, ref a4, ref b4);
            }
            if (TRows.Count > 5)
            {
                Step(x5 + i + 1, low, high, ref a5, ref b5);
            }
        }
        if (i < depth)
        {
            low = TElement.Even(panel);
            high = TElement.Even(panel + 32);
            Step(x0 + i, low, high, ref a0, ref b0);
            if (TRows.Count > 1)
            {
                Step(x1 + i, low, high, ref a1, ref b1);
            }
            if (TRows.Count > 2)
            {
                Step(x2 + i, low, high, ref a2, ref b2);
            }
            if (TRows.Count > 3)
            {
                Step(x3 + i, low, high, ref a3, ref b3);
            }
            if (TRows.Count > 4)
            {
                Step(x4 + i, low, high, ref a4, ref b4);
            }
            if (TRows.Count > 5)
            {
                Step(x5 + i, low, high, ref a5, ref b5);
            }
        }
        Store(y, a0, b0);
        if (TRows.Count > 1)
        {
            Store(y + yStride, a1, b1);
        }
        if (TRows.Count > 2)
        {
            Store(y + 2 * yStride, a2, b2);
        }
        if (TRows.Count > 3)
        {
            Store(y + 3 * yStride, a3, b3);
        }
        if (TRows.Count > 4)
        {
            Store(y + 4 * yStride, a4, b4);
        }
        if (TRows.Count > 5)
        {
            Store(y + 5 * yStride, a5, b5);
        }
    }

    /// <summary>As the other, but only the first <paramref name="lanes"/> lanes of y exist: the tile is made beside it and copied.</summary>
    [SkipLocalsInit]
    public static void RunEdge<TElement>(
        int rows, float* x, nint xStride, byte* panel, nint panelStride, int depth, float* y, nint yStride, int lanes, bool load,
        Ahead ahead)
        where TElement : struct, IElement
    {
        float* tile = stackalloc float[Most * Lanes];
        if (load)
        {
            Copy(y, yStride, tile, Lanes, rows, lanes);
        }
        Run<TElement>(rows, x, xStride, panel, panelStride, depth, tile, Lanes, load, ahead);
        Copy(tile, Lanes, y, yStride, rows, lanes);
    }

    private static void Copy(float* from, nint fromStride, float* to, nint toStride, int rows, int lanes)
    {
        for (int r = 0; r < rows; r++)
        {
            for (int l = 0; l < lanes; l++)
            {
                to[r * toStride + l] = from[r * fromStride + l];
            }
        }
    }

    // One k of one row.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Step(float* x, Vector256<float> low, Vector256<float> high, ref Vector256<float> a, ref Vector256<float> b)
    {
        Vector256<float> value = Avx.BroadcastScalarToVector256(x);
        a = Fma.MultiplyAdd(value, low, a);
        b = Fma.MultiplyAdd(value, high, b);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Load(float* y, ref Vector256<float> low, ref Vector256<float> high)
    {
        low = Avx.LoadVector256(y);
        high = Avx.LoadVector256(y + 8);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Store(float* y, Vector256<float> low, Vector256<float> high)
    {
        Avx.Store(y, low);
        Avx.Store(y + 8, high);
    }
}
