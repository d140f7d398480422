using System.Runtime.CompilerServices;

namespace Lorikeet.Kernels;

/// <content>Rows that are alone with their adapter, up to four at a time: each reads its own factors straight through.</content>
public static unsafe partial class LowRank
{
    // Panels of A that are multiplied together: four chains of loads and of arithmetic.
    internal const int Streams = 4;

    /// <summary>h = A x of every row: panels of equal kind go together, whichever row and site they belong to.</summary>
    private static void Shrink(LowRankRow* rows, int count, float* x, int inputs, bool wide)
    {
        FactorStream* streams = stackalloc FactorStream[Streams];
        int gathered = 0, lanes = 0;
        FactorType type = default;
        for (int i = 0; i < count; i++)
        {
            LowRankSegment* segment = rows[i].Segment;
            FactorLayout layout = new(segment->Rank, inputs, 1, segment->Type);
            for (int panel = 0; panel < layout.PanelsA; panel++)
            {
                if (gathered > 0 && (gathered == Streams || lanes != layout.LanesOf(panel) || type != layout.Type))
                {
                    Shrink(streams, gathered, type, lanes, inputs, wide);
                    gathered = 0;
                }
                (type, lanes) = (layout.Type, layout.LanesOf(panel));
                streams[gathered++] = new FactorStream
                {
                    X = x + ((long)(segment->Row + rows[i].Row) * inputs),
                    A = segment->Factors + (panel * layout.PanelBytesA),
                    H = rows[i].Hidden + (panel * FactorLayout.Lanes),
                };
            }
        }
        if (gathered > 0)
        {
            Shrink(streams, gathered, type, lanes, inputs, wide);
        }
        for (int i = 0; i < count; i++)
        {
            ScaleHidden(*rows[i].Segment, inputs, rows[i].Hidden);
        }
    }

    /// <summary>y += scale * (bias + B h) of some columns of one row.</summary>
    private static void Expand(in LowRankSegment segment, in FactorLayout layout, float* h, float scale, float* y, int column, int columns, byte* next, bool wide)
    {
        switch (segment.Type)
        {
            case FactorType.F32:
                Expand<F32Factor>(segment, layout, h, scale, y, column, columns, next, wide);
                break;
            case FactorType.BF16:
                Expand<BF16Factor>(segment, layout, h, scale, y, column, columns, next, wide);
                break;
            default:
                Expand<Int8Factor>(segment, layout, h, scale, y, column, columns, next, wide);
                break;
        }
    }

    private static void Shrink(FactorStream* streams, int count, FactorType type, int lanes, int depth, bool wide)
    {
        // Streams that do not exist repeat the last one, which writes the same bits to the same place: four take the time of one.
        for (int i = count; i < Streams; i++)
        {
            streams[i] = streams[count - 1];
        }
        switch (type)
        {
            case FactorType.F32:
                Shrink<F32Factor>(streams, lanes, depth, wide);
                break;
            case FactorType.BF16:
                Shrink<BF16Factor>(streams, lanes, depth, wide);
                break;
            default:
                Shrink<Int8Factor>(streams, lanes, depth, wide);
                break;
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Shrink<TFactor>(FactorStream* streams, int lanes, int depth, bool wide)
        where TFactor : struct, IFactor
    {
        if (lanes == 4)
        {
            ShrinkFour<TFactor>(streams, depth);
        }
        else if (lanes == 8)
        {
            ShrinkEight<TFactor>(streams, depth);
        }
        else if (wide)
        {
            ShrinkWide<TFactor>(streams, depth);
        }
        else
        {
            ShrinkSixteen<TFactor>(streams, depth);
        }
    }

    /// <summary>A panel of A on its way: h[lanes] = sum over k of x[k] A[k, lanes].</summary>
    private struct FactorStream
    {
        public float* X;
        public byte* A;
        public float* H;
    }
}
