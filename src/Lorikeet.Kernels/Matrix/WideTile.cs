using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Lorikeet.Kernels;

/// <summary>The heart of matrix products with AVX-512: a tile of up to 14 rows by one or two panels of 16 lanes, one chain of fused multiply-adds an element.</summary>
/// <remarks>
/// Bound by arithmetic from 4 rows on: 28 accumulators, 2 vectors of panels and 1 broadcast fill 31 of the 32 registers, and a k costs 16 loads for 28
/// FMAs. Fewer rows have fewer chains than two FMA units of latency 4 can hold: they are bound by reading the panels, and <see cref="QuadTile"/>
/// gives them four panels at once. Rows are addressed from every fourth one with three common offsets, because fourteen pointers would not fit
/// the general registers.
/// </remarks>
internal static unsafe class WideTile
{
    public const int Most = 14;
    public const int Lanes = 16;

    /// <summary>How many of the rows left the next tile takes: all tiles of a block within one row of each other.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int Next(int left) => left <= Most ? left : (left + ((left + Most - 1) / Most) - 1) / ((left + Most - 1) / Most);

    /// <summary>
    /// <c>y[r, l] = (load ? y[r, l] : 0) + sum over i of x[r, i] panel[i, l]</c>, r below <paramref name="rows"/> (1 to 14), l below 32 or 16, i ascending
    /// below <paramref name="depth"/>.
    /// </summary>
    /// <param name="rows">Rows, 1 to 14.</param>
    /// <param name="x">[rows, depth], rows <paramref name="xStride"/> elements apart.</param>
    /// <param name="xStride">Elements.</param>
    /// <param name="panel">[depth, 16], ks <paramref name="step"/> bytes apart; of halves two ks lie in 16 words, see <see cref="IElement"/>.</param>
    /// <param name="apart">Bytes from the first panel to the second.</param>
    /// <param name="step">Bytes of one k.</param>
    /// <param name="depth">Length of the chain.</param>
    /// <param name="y">[rows, 32 or 16], rows <paramref name="yStride"/> elements apart.</param>
    /// <param name="yStride">Elements.</param>
    /// <param name="load">Chains start at y, not at zero.</param>
    /// <param name="ahead">What to fetch into the cache meanwhile.</param>
    public static void Run<TElement, TPanels>(
        int rows, float* x, nint xStride, byte* panel, nint apart, nint step, int depth, float* y, nint yStride, bool load, Ahead ahead)
        where TElement : struct, IElement
        where TPanels : struct, IRows
    {
        switch (rows)
        {
            case 14:
                Tile<TElement, Rows14, TPanels>(x, xStride, panel, apart, step, depth, y, yStride, load, ahead);
                break;
            case 13:
                Tile<TElement, Rows13, TPanels>(x, xStride, panel, apart, step, depth, y, yStride, load, ahead);
                break;
            case 12:
                Tile<TElement, Rows12, TPanels>(x, xStride, panel, apart, step, depth, y, yStride, load, ahead);
                break;
            case 11:
                Tile<TElement, Rows11, TPanels>(x, xStride, panel, apart, step, depth, y, yStride, load, ahead);
                break;
            case 10:
                Tile<TElement, Rows10, TPanels>(x, xStride, panel, apart, step, depth, y, yStride, load, ahead);
                break;
            case 9:
                Tile<TElement, Rows9, TPanels>(x, xStride, panel, apart, step, depth, y, yStride, load, ahead);
                break;
            case 8:
                Tile<TElement, Rows8, TPanels>(x, xStride, panel, apart, step, depth, y, yStride, load, ahead);
                break;
            case 7:
                Tile<TElement, Rows7, TPanels>(x, xStride, panel, apart, step, depth, y, yStride, load, ahead);
                break;
            case 6:
                Tile<TElement, Rows6, TPanels>(x, xStride, panel, apart, step, depth, y, yStride, load, ahead);
                break;
            case 5:
                Tile<TElement, Rows5, TPanels>(x, xStride, panel, apart, step, depth, y, yStride, load, ahead);
                break;
            case 4:
                Tile<TElement, Rows4, TPanels>(x, xStride, panel, apart, step, depth, y, yStride, load, ahead);
                break;
            case 3:
                Tile<TElement, Rows3, TPanels>(x, xStride, panel, apart, step, depth, y, yStride, load, ahead);
                break;
            case 2:
                Tile<TElement, Rows2, TPanels>(x, xStride, panel, apart, step, depth, y, yStride, load, ahead);
                break;
            default:
                Tile<TElement, Rows1, TPanels>(x, xStride, panel, apart, step, depth, y, yStride, load, ahead);
                break;
        }
    }

    private static void Tile<TElement, TRows, TPanels>(
        float* x, nint xStride, byte* panel, nint apart, nint step, int depth, float* y, nint yStride, bool load, Ahead ahead)
        where TElement : struct, IElement
        where TRows : struct, IRows
        where TPanels : struct, IRows
    {
        // A copy: the argument lies in memory.
        Ahead fetch = ahead;
        nint s1 = xStride * sizeof(float), s2 = 2 * s1, s3 = 3 * s1;
        byte* p = (byte*)x;
        byte* q = p + (4 * s1);
        byte* s = q + (4 * s1);
        byte* t = s + (4 * s1);
        Vector512<float> a0, b0, a1, b1, a2, b2, a3, b3, a4, b4, a5, b5, a6, b6;
        Vector512<float> a7, b7, a8, b8, a9, b9, a10, b10, a11, b11, a12, b12, a13, b13;
        a0 = b0 = a1 = b1 = a2 = b2 = a3 = b3 = a4 = b4 = a5 = b5 = a6 = b6 = Vector512<float>.Zero;
        a7 = b7 = a8 = b8 = a9 = b9 = a10 = b10 = a11 = b11 = a12 = b12 = a13 = b13 = Vector512<float>.Zero;
        if (load)
        {
            Load<TPanels>(y, ref a0, ref b0);
            if (TRows.Count > 1)
            {
                Load<TPanels>(y + (1 * yStride), ref a1, ref b1);
            }
            if (TRows.Count > 2)
            {
                Load<TPanels>(y + (2 * yStride), ref a2, ref b2);
            }
            if (TRows.Count > 3)
            {
                Load<TPanels>(y + (3 * yStride), ref a3, ref b3);
            }
            if (TRows.Count > 4)
            {
                Load<TPanels>(y + (4 * yStride), ref a4, ref b4);
            }
            if (TRows.Count > 5)
            {
                Load<TPanels>(y + (5 * yStride), ref a5, ref b5);
            }
            if (TRows.Count > 6)
            {
                Load<TPanels>(y + (6 * yStride), ref a6, ref b6);
            }
            if (TRows.Count > 7)
            {
                Load<TPanels>(y + (7 * yStride), ref a7, ref b7);
            }
            if (TRows.Count > 8)
            {
                Load<TPanels>(y + (8 * yStride), ref a8, ref b8);
            }
            if (TRows.Count > 9)
            {
                Load<TPanels>(y + (9 * yStride), ref a9, ref b9);
            }
            if (TRows.Count > 10)
            {
                Load<TPanels>(y + (10 * yStride), ref a10, ref b10);
            }
            if (TRows.Count > 11)
            {
                Load<TPanels>(y + (11 * yStride), ref a11, ref b11);
            }
            if (TRows.Count > 12)
            {
                Load<TPanels>(y + (12 * yStride), ref a12, ref b12);
            }
            if (TRows.Count > 13)
            {
                Load<TPanels>(y + (13 * yStride), ref a13, ref b13);
            }
        }
        Vector512<float> low, high;
        for (nint pairs = depth >> 1; pairs > 0; pairs--)
        {
            fetch.Fetch<TElement>();
            low = high = TElement.WideEven(panel);
            if (TPanels.Count > 1)
            {
                high = TElement.WideEven(panel + apart);
            }
            Step<TPanels>(p, low, high, ref a0, ref b0);
            if (TRows.Count > 1)
            {
                Step<TPanels>(p + s1, low, high, ref a1, ref b1);
            }
            if (TRows.Count > 2)
            {
                Step<TPanels>(p + s2, low, high, ref a2, ref b2);
            }
            if (TRows.Count > 3)
            {
                Step<TPanels>(p + s3, low, high, ref a3, ref b3);
            }
            if (TRows.Count > 4)
            {
                Step<TPanels>(q, low, high, ref a4, ref b4);
            }
            if (TRows.Count > 5)
            {
                Step<TPanels>(q + s1, low, high, ref a5, ref b5);
            }
            if (TRows.Count > 6)
            {
                Step<TPanels>(q + s2, low, high, ref a6, ref b6);
            }
            if (TRows.Count > 7)
            {
                Step<TPanels>(q + s3, low, high, ref a7, ref b7);
            }
            if (TRows.Count > 8)
            {
                Step<TPanels>(s, low, high, ref a8, ref b8);
            }
            if (TRows.Count > 9)
            {
                Step<TPanels>(s + s1, low, high, ref a9, ref b9);
            }
            if (TRows.Count > 10)
            {
                Step<TPanels>(s + s2, low, high, ref a10, ref b10);
            }
            if (TRows.Count > 11)
            {
                Step<TPanels>(s + s3, low, high, ref a11, ref b11);
            }
            if (TRows.Count > 12)
            {
                Step<TPanels>(t, low, high, ref a12, ref b12);
            }
            if (TRows.Count > 13)
            {
                Step<TPanels>(t + s1, low, high, ref a13, ref b13);
            }
            low = high = TElement.WideOdd(panel, step);
            if (TPanels.Count > 1)
            {
                high = TElement.WideOdd(panel + apart, step);
            }
            Step<TPanels>(p + 4, low, high, ref a0, ref b0);
            if (TRows.Count > 1)
            {
                Step<TPanels>(p + s1 + 4, low, high, ref a1, ref b1);
            }
            if (TRows.Count > 2)
            {
                Step<TPanels>(p + s2 + 4, low, high, ref a2, ref b2);
            }
            if (TRows.Count > 3)
            {
                Step<TPanels>(p + s3 + 4, low, high, ref a3, ref b3);
            }
            if (TRows.Count > 4)
            {
                Step<TPanels>(q + 4, low, high, ref a4, ref b4);
            }
            if (TRows.Count > 5)
            {
                Step<TPanels>(q + s1 + 4, low, high, ref a5, ref b5);
            }
            if (TRows.Count > 6)
            {
                Step<TPanels>(q + s2 + 4, low, high, ref a6, ref b6);
            }
            if (TRows.Count > 7)
            {
                Step<TPanels>(q + s3 + 4, low, high, ref a7, ref b7);
            }
            if (TRows.Count > 8)
            {
                Step<TPanels>(s + 4, low, high, ref a8, ref b8);
            }
            if (TRows.Count > 9)
            {
                Step<TPanels>(s + s1 + 4, low, high, ref a9, ref b9);
            }
            if (TRows.Count > 10)
            {
                Step<TPanels>(s + s2 + 4, low, high, ref a10, ref b10);
            }
            if (TRows.Count > 11)
            {
                Step<TPanels>(s + s3 + 4, low, high, ref a11, ref b11);
            }
            if (TRows.Count > 12)
            {
                Step<TPanels>(t + 4, low, high, ref a12, ref b12);
            }
            if (TRows.Count > 13)
            {
                Step<TPanels>(t + s1 + 4, low, high, ref a13, ref b13);
            }
            panel += 2 * step;
            p += 8;
            q += 8;
            s += 8;
            t += 8;
        }
        if ((depth & 1) != 0)
        {
            low = high = TElement.WideEven(panel);
            if (TPanels.Count > 1)
            {
                high = TElement.WideEven(panel + apart);
            }
            Step<TPanels>(p, low, high, ref a0, ref b0);
            if (TRows.Count > 1)
            {
                Step<TPanels>(p + s1, low, high, ref a1, ref b1);
            }
            if (TRows.Count > 2)
            {
                Step<TPanels>(p + s2, low, high, ref a2, ref b2);
            }
            if (TRows.Count > 3)
            {
                Step<TPanels>(p + s3, low, high, ref a3, ref b3);
            }
            if (TRows.Count > 4)
            {
                Step<TPanels>(q, low, high, ref a4, ref b4);
            }
            if (TRows.Count > 5)
            {
                Step<TPanels>(q + s1, low, high, ref a5, ref b5);
            }
            if (TRows.Count > 6)
            {
                Step<TPanels>(q + s2, low, high, ref a6, ref b6);
            }
            if (TRows.Count > 7)
            {
                Step<TPanels>(q + s3, low, high, ref a7, ref b7);
            }
            if (TRows.Count > 8)
            {
                Step<TPanels>(s, low, high, ref a8, ref b8);
            }
            if (TRows.Count > 9)
            {
                Step<TPanels>(s + s1, low, high, ref a9, ref b9);
            }
            if (TRows.Count > 10)
            {
                Step<TPanels>(s + s2, low, high, ref a10, ref b10);
            }
            if (TRows.Count > 11)
            {
                Step<TPanels>(s + s3, low, high, ref a11, ref b11);
            }
            if (TRows.Count > 12)
            {
                Step<TPanels>(t, low, high, ref a12, ref b12);
            }
            if (TRows.Count > 13)
            {
                Step<TPanels>(t + s1, low, high, ref a13, ref b13);
            }
        }
        Store<TPanels>(y, a0, b0);
        if (TRows.Count > 1)
        {
            Store<TPanels>(y + (1 * yStride), a1, b1);
        }
        if (TRows.Count > 2)
        {
            Store<TPanels>(y + (2 * yStride), a2, b2);
        }
        if (TRows.Count > 3)
        {
            Store<TPanels>(y + (3 * yStride), a3, b3);
        }
        if (TRows.Count > 4)
        {
            Store<TPanels>(y + (4 * yStride), a4, b4);
        }
        if (TRows.Count > 5)
        {
            Store<TPanels>(y + (5 * yStride), a5, b5);
        }
        if (TRows.Count > 6)
        {
            Store<TPanels>(y + (6 * yStride), a6, b6);
        }
        if (TRows.Count > 7)
        {
            Store<TPanels>(y + (7 * yStride), a7, b7);
        }
        if (TRows.Count > 8)
        {
            Store<TPanels>(y + (8 * yStride), a8, b8);
        }
        if (TRows.Count > 9)
        {
            Store<TPanels>(y + (9 * yStride), a9, b9);
        }
        if (TRows.Count > 10)
        {
            Store<TPanels>(y + (10 * yStride), a10, b10);
        }
        if (TRows.Count > 11)
        {
            Store<TPanels>(y + (11 * yStride), a11, b11);
        }
        if (TRows.Count > 12)
        {
            Store<TPanels>(y + (12 * yStride), a12, b12);
        }
        if (TRows.Count > 13)
        {
            Store<TPanels>(y + (13 * yStride), a13, b13);
        }
    }

    /// <summary>As <see cref="Run"/>, but only the first <paramref name="lanes"/> lanes of y exist: the tile is made beside it and copied.</summary>
    [SkipLocalsInit]
    public static void RunEdge<TElement, TPanels>(
        int rows, float* x, nint xStride, byte* panel, nint apart, nint step, int depth, float* y, nint yStride, int lanes, bool load, Ahead ahead)
        where TElement : struct, IElement
        where TPanels : struct, IRows
    {
        const int Width = 2 * Lanes;
        float* tile = stackalloc float[Most * Width];
        for (int r = 0; load && r < rows; r++)
        {
            new ReadOnlySpan<float>(y + (r * yStride), lanes).CopyTo(new Span<float>(tile + (r * Width), lanes));
        }
        Run<TElement, TPanels>(rows, x, xStride, panel, apart, step, depth, tile, Width, load, ahead);
        for (int r = 0; r < rows; r++)
        {
            new ReadOnlySpan<float>(tile + (r * Width), lanes).CopyTo(new Span<float>(y + (r * yStride), lanes));
        }
    }

    // One k of one row.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Step<TPanels>(byte* x, Vector512<float> low, Vector512<float> high, ref Vector512<float> a, ref Vector512<float> b)
        where TPanels : struct, IRows
    {
        Vector512<float> value = Vector512.Create(*(float*)x);
        a = Avx512F.FusedMultiplyAdd(value, low, a);
        if (TPanels.Count > 1)
        {
            b = Avx512F.FusedMultiplyAdd(value, high, b);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Load<TPanels>(float* y, ref Vector512<float> a, ref Vector512<float> b)
        where TPanels : struct, IRows
    {
        a = Avx512F.LoadVector512(y);
        if (TPanels.Count > 1)
        {
            b = Avx512F.LoadVector512(y + Lanes);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Store<TPanels>(float* y, Vector512<float> a, Vector512<float> b)
        where TPanels : struct, IRows
    {
        Avx512F.Store(y, a);
        if (TPanels.Count > 1)
        {
            Avx512F.Store(y + Lanes, b);
        }
    }
}
