namespace Lorikeet.Kernels;

public static unsafe partial class LowRank
{
    /// <summary>The reference of h = A x: one row of one segment, number by number.</summary>
    private static void ShrinkScalar(in LowRankSegment segment, int row, float* x, int inputs, float* h)
    {
        FactorLayout layout = new(segment.Rank, inputs, 1, segment.Type);
        float* left = x + ((long)(segment.Row + row) * inputs);
        for (int j = 0; j < segment.Rank; j++)
        {
            int panel = j / FactorLayout.Lanes;
            byte* a = segment.Factors + (panel * layout.PanelBytesA);
            float sum = 0f;
            for (int k = 0; k < inputs; k++)
            {
                sum = MathF.FusedMultiplyAdd(left[k], Read(layout, a, k, j % FactorLayout.Lanes, layout.LanesOf(panel)), sum);
            }
            h[j] = sum;
        }
    }

    /// <summary>The reference of y += scale * (bias + B h).</summary>
    private static void ExpandScalar(in LowRankSegment segment, in FactorLayout layout, float* h, float scale, float* y, int column, int columns)
    {
        for (int o = column; o < column + columns; o++)
        {
            byte* b = segment.Factors + layout.OffsetB + (o / FactorLayout.Lanes * layout.PanelBytesB);
            float sum = segment.Bias is null ? 0f : segment.Bias[o];
            for (int j = 0; j < segment.Rank; j++)
            {
                sum = MathF.FusedMultiplyAdd(h[j], Read(layout, b, j, o % FactorLayout.Lanes, FactorLayout.Lanes), sum);
            }
            y[o] = MathF.FusedMultiplyAdd(scale, sum, y[o]);
        }
    }

    /// <summary>Int8: h_j times its rank's scale; other types keep h as it is.</summary>
    private static void ScaleHidden(in LowRankSegment segment, int inputs, float* h)
    {
        float* scales = (float*)(segment.Factors + new FactorLayout(segment.Rank, inputs, 1, segment.Type).OffsetScales);
        for (int j = 0; segment.Type == FactorType.Int8 && j < segment.Rank; j++)
        {
            h[j] *= scales[j];
        }
    }

    private static float Read(in FactorLayout layout, byte* panel, int k, int lane, int lanes)
    {
        long place = layout.Place(k, lane, lanes);
        return layout.Type switch
        {
            FactorType.F32 => ((float*)panel)[place],
            FactorType.BF16 => CastingScalar.Widen(((ushort*)panel)[place], ElementType.BF16),
            _ => ((sbyte*)panel)[place],
        };
    }
}
