using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Lorikeet.Kernels;

/// <content>
/// Many rows of one adapter: with AVX2 each panel is widened once to [k][16] singles and multiplied with all rows in tiles of six; with AVX-512 tiles of
/// eight rows widen it in registers. Bound by arithmetic.
/// </content>
public static unsafe partial class LowRank
{
    // Rows over which a widened panel is shared.
    private const int TileBlock = 48;

    // Ks of A that are widened at once: 64 KB; and ranks of B: 4 KB.
    private const int TileDepth = 1024;
    private const int TileRanks = 64;

    /// <summary>h = A x of some rows of one segment.</summary>
    private static void ShrinkTiles(in LowRankSegment segment, int from, int to, float* x, int inputs, float* hidden, bool wide)
    {
        FactorLayout layout = new(segment.Rank, inputs, 1, segment.Type);
        int width = layout.HiddenFloats;
        float* panel = (float*)ThreadScratch.Take((nuint)Math.Min(TileDepth, inputs) * FactorLayout.Lanes * sizeof(float));
        for (int row = from; row < to; row += TileBlock, hidden += (long)TileBlock * width)
        {
            int rows = Math.Min(TileBlock, to - row);
            float* left = x + ((long)(segment.Row + row) * inputs);
            for (int p = 0; p < layout.PanelsA; p++)
            {
                byte* a = segment.Factors + (p * layout.PanelBytesA);
                if (wide && layout.LanesOf(p) == FactorLayout.Lanes)
                {
                    ShrinkWide(layout, a, left, rows, hidden + (p * FactorLayout.Lanes));
                    continue;
                }
                for (int k = 0; k < inputs; k += TileDepth)
                {
                    int some = Math.Min(TileDepth, inputs - k);
                    float* made = Widen(layout, a, k, some, layout.LanesOf(p), panel);
                    Multiply(left + k, inputs, rows, made, some, hidden + (p * FactorLayout.Lanes), width, k > 0);
                }
            }
            for (int r = 0; r < rows; r++)
            {
                ScaleHidden(segment, inputs, hidden + ((long)r * width));
            }
        }
    }

    /// <summary>y += scale * (bias + B h) of some columns of some rows of one segment.</summary>
    private static void ExpandTiles(in LowRankSegment segment, in FactorLayout layout, int from, int to, float* hidden, float* y, int column, int columns, bool wide)
    {
        float* scales = stackalloc float[TileBlock];
        for (int row = from; row < to; row += TileBlock, hidden += (long)TileBlock * layout.HiddenFloats)
        {
            int rows = Math.Min(TileBlock, to - row);
            for (int r = 0; r < rows; r++)
            {
                scales[r] = RowScale(segment, row + r);
            }
            float* left = y + ((long)(segment.Row + row) * layout.Outputs);
            int done = wide ? ExpandWide(segment, layout, rows, hidden, scales, left, column, column + columns) : column;
            ExpandNarrow(segment, layout, rows, hidden, scales, left, done, column + columns);
        }
    }

    // to[rows, 16] = (load ? to : 0) + x[rows, depth] panel[depth, 16].
    private static void Multiply(float* x, nint xStride, int rows, float* panel, int depth, float* to, nint stride, bool load)
    {
        int r = 0;
        while (r < rows)
        {
            int tile = TileKernel.Next(rows - r);
            TileKernel.Run<F32Element>(tile, x + (r * xStride), xStride, (byte*)panel, FactorLayout.Lanes * sizeof(float), depth, to + (r * stride), stride, load, Ahead.None);
            r += tile;
        }
    }

    private static void ShrinkWide(in FactorLayout layout, byte* a, float* x, int rows, float* hidden)
    {
        switch (layout.Type)
        {
            case FactorType.F32:
                ShrinkRowsWide<F32Factor>(a, x, layout.Inputs, rows, hidden, layout.HiddenFloats);
                break;
            case FactorType.BF16:
                ShrinkRowsWide<BF16Factor>(a, x, layout.Inputs, rows, hidden, layout.HiddenFloats);
                break;
            default:
                ShrinkRowsWide<Int8Factor>(a, x, layout.Inputs, rows, hidden, layout.HiddenFloats);
                break;
        }
    }

    // All whole pairs of panels; returns the first output that is left.
    private static int ExpandWide(in LowRankSegment segment, in FactorLayout layout, int rows, float* hidden, float* scales, float* y, int first, int end)
    {
        const int Pair = 2 * FactorLayout.Lanes;
        nint panelBytes = (nint)layout.PanelBytesB;
        byte* b = segment.Factors + layout.OffsetB + (first / FactorLayout.Lanes * panelBytes);
        int o = first;
        for (; o + Pair <= end; o += Pair, b += 2 * panelBytes)
        {
            float* bias = segment.Bias is null ? null : segment.Bias + o;
            switch (layout.Type)
            {
                case FactorType.F32:
                    ExpandRowsWide<F32Factor>(b, panelBytes, layout.Rank, hidden, layout.HiddenFloats, rows, bias, scales, y + o, layout.Outputs);
                    break;
                case FactorType.BF16:
                    ExpandRowsWide<BF16Factor>(b, panelBytes, layout.Rank, hidden, layout.HiddenFloats, rows, bias, scales, y + o, layout.Outputs);
                    break;
                default:
                    ExpandRowsWide<Int8Factor>(b, panelBytes, layout.Rank, hidden, layout.HiddenFloats, rows, bias, scales, y + o, layout.Outputs);
                    break;
            }
        }
        return o;
    }

    private static void ExpandNarrow(in LowRankSegment segment, in FactorLayout layout, int rows, float* hidden, float* scales, float* y, int first, int end)
    {
        float* panel = stackalloc float[TileRanks * FactorLayout.Lanes];
        float* sums = stackalloc float[TileBlock * FactorLayout.Lanes];
        for (int o = first; o < end; o += FactorLayout.Lanes)
        {
            byte* b = segment.Factors + layout.OffsetB + (o / FactorLayout.Lanes * layout.PanelBytesB);
            int lanes = Math.Min(FactorLayout.Lanes, end - o);
            bool load = segment.Bias is not null;
            for (int r = 0; load && r < rows; r++)
            {
                new ReadOnlySpan<float>(segment.Bias + o, lanes).CopyTo(new Span<float>(sums + (r * FactorLayout.Lanes), lanes));
            }
            for (int j = 0; j < segment.Rank; j += TileRanks)
            {
                int some = Math.Min(TileRanks, segment.Rank - j);
                float* wide = Widen(layout, b, j, some, FactorLayout.Lanes, panel);
                Multiply(hidden + j, layout.HiddenFloats, rows, wide, some, sums, FactorLayout.Lanes, load || j > 0);
            }
            for (int r = 0; r < rows; r++)
            {
                AddScaled(scales[r], sums + (r * FactorLayout.Lanes), y + ((long)r * layout.Outputs) + o, lanes);
            }
        }
    }

    // to[0 .. lanes) += factor * from[0 .. lanes)
    private static void AddScaled(float factor, float* from, float* to, int lanes)
    {
        if (lanes == FactorLayout.Lanes)
        {
            Vector256<float> value = Vector256.Create(factor);
            Avx.Store(to, Fma.MultiplyAdd(value, Avx.LoadVector256(from), Avx.LoadVector256(to)));
            Avx.Store(to + 8, Fma.MultiplyAdd(value, Avx.LoadVector256(from + 8), Avx.LoadVector256(to + 8)));
            return;
        }
        for (int l = 0; l < lanes; l++)
        {
            to[l] = MathF.FusedMultiplyAdd(factor, from[l], to[l]);
        }
    }

    /// <summary>Ks from ... from + count - 1 of a panel as singles [k][16]; lanes that do not exist are zero.</summary>
    private static float* Widen(in FactorLayout layout, byte* panel, int from, int count, int lanes, float* to)
    {
        switch (layout.Type)
        {
            case FactorType.F32 when lanes == FactorLayout.Lanes:
                return (float*)panel + ((long)from * FactorLayout.Lanes);
            case FactorType.F32:
                Widen<F32Factor>(panel, from, count, lanes, to);
                return to;
            case FactorType.BF16:
                Widen<BF16Factor>(panel, from, count, lanes, to);
                return to;
            default:
                Widen<Int8Factor>(panel, from, count, lanes, to);
                return to;
        }
    }

    private static void Widen<TFactor>(byte* panel, int from, int count, int lanes, float* to)
        where TFactor : struct, IFactor
    {
        nint step = lanes * TFactor.Size;
        panel += from * step;
        for (int k = 0; k < count; k += 2, panel += 2 * step, to += 2 * FactorLayout.Lanes)
        {
            float* odd = to + FactorLayout.Lanes;
            switch (lanes)
            {
                case 4:
                    Store(Vector256.Create(TFactor.EvenFour(panel), Vector128<float>.Zero), Vector256<float>.Zero, to);
                    break;
                case 8:
                    Store(TFactor.Even(panel), Vector256<float>.Zero, to);
                    break;
                default:
                    Store(TFactor.Even(panel), TFactor.Even(panel + TFactor.Eight), to);
                    break;
            }
            if (k + 1 == count)
            {
                break;
            }
            switch (lanes)
            {
                case 4:
                    Store(Vector256.Create(TFactor.OddFour(panel, step), Vector128<float>.Zero), Vector256<float>.Zero, odd);
                    break;
                case 8:
                    Store(TFactor.Odd(panel, step), Vector256<float>.Zero, odd);
                    break;
                default:
                    Store(TFactor.Odd(panel, step), TFactor.Odd(panel + TFactor.Eight, step), odd);
                    break;
            }
        }
    }

    private static void Store(Vector256<float> low, Vector256<float> high, float* to)
    {
        Avx.Store(to, low);
        Avx.Store(to + 8, high);
    }
}
