namespace Lorikeet.Kernels;

public static unsafe partial class LowRank
{
    /// <summary>The reference: rows from ... to - 1 of one segment, number by number.</summary>
    private static void ApplyScalar(in LowRankSegment segment, int from, int to, float* x, int inputs, float* y, int outputs)
    {
        int padded = PaddedRank(segment.Rank);
        float* h = (float*)ThreadScratch.Take((nuint)padded * sizeof(float));
        for (int r = from; r < to; r++)
        {
            float* left = x + (long)(segment.Row + r) * inputs;
            for (int j = 0; j < segment.Rank; j++)
            {
                float sum = 0f;
                for (int k = 0; k < inputs; k++)
                {
                    sum = MathF.FusedMultiplyAdd(left[k], segment.A[(long)k * padded + j], sum);
                }
                h[j] = sum;
            }
            AddScalar(segment, h, RowScale(segment, r), 0, y + (long)(segment.Row + r) * outputs, outputs);
        }
    }

    private static void AddScalar(in LowRankSegment segment, float* h, float scale, int first, float* y, int outputs)
    {
        for (int o = first; o < outputs; o++)
        {
            float sum = segment.Bias is null ? 0f : segment.Bias[o];
            for (int j = 0; j < segment.Rank; j++)
            {
                sum = MathF.FusedMultiplyAdd(h[j], segment.B[(long)j * outputs + o], sum);
            }
            y[o] = MathF.FusedMultiplyAdd(scale, sum, y[o]);
        }
    }

    private static float RowScale(in LowRankSegment segment, int row) =>
        segment.TokenWeights is null ? segment.Scale : segment.Scale * segment.TokenWeights[row];
}
