using System.Runtime.InteropServices;

namespace Lorikeet.Kernels.Tests;

[Collection("team")]
public unsafe class LowRankTests
{
    private sealed record Adapter(int Row, int Rows, int Rank, float Scale, bool Bias, bool Weights);

    // Mixed ranks, gaps between segments (row 0, rows 10 to 11), an empty segment, every number of rows of the groups.
    private static readonly Adapter[] Batch =
    [
        new(1, 1, 4, 2f, false, false), new(2, 2, 8, 0.5f, true, false), new(4, 5, 16, 1f, false, true), new(9, 1, 1, -1f, true, true),
        new(12, 0, 3, 1f, false, false), new(12, 7, 23, 0.25f, true, true), new(19, 6, 9, 1.5f, false, false), new(25, 14, 40, 1f, true, false),
        new(39, 1, 64, 0.125f, false, true),
    ];

    private const int TotalRows = 41;

    [Theory]
    [InlineData(1, 1)]
    [InlineData(7, 5)]
    [InlineData(64, 48)]
    [InlineData(100, 131)]
    [InlineData(33, 5000)]
    public void Equals_the_double_oracle_and_all_variants_and_teams_agree_by_bits(int inputs, int outputs)
    {
        float[] x = MatrixData.Numbers(TotalRows * inputs, 1);
        float[] start = MatrixData.Numbers(TotalRows * outputs, 2);
        List<IDisposable> owned = [];
        LowRankSegment[] segments = Build(inputs, outputs, owned);
        float[] reference = Run(KernelVariant.Scalar, segments);
        double[] expected = Oracle(x, start, inputs, outputs, out double[] magnitudes);
        for (int i = 0; i < reference.Length; i++)
        {
            MatrixData.Near(expected[i], magnitudes[i], reference[i], $"row {i / outputs} column {i % outputs}");
        }
        MatrixData.EachTeam(threads =>
        {
            foreach (KernelVariant variant in MatrixData.Variants)
            {
                MatrixData.SameBits(reference, Run(variant, segments), $"{variant} threads {threads}");
                float[] alone = [.. start];
                foreach (LowRankSegment segment in segments)
                {
                    // Row by row: a segment cut into pieces of one row gives the same bits.
                    for (int r = 0; r < segment.Rows; r++)
                    {
                        LowRankSegment one = segment;
                        one.Row = segment.Row + r;
                        one.Rows = 1;
                        one.TokenWeights = segment.TokenWeights is null ? null : segment.TokenWeights + r;
                        fixed (float* left = x)
                        fixed (float* to = alone)
                        {
                            LowRank.ApplyWith(variant, &one, 1, left, inputs, to, outputs);
                        }
                    }
                }
                MatrixData.SameBits(reference, alone, $"{variant} row by row");
            }
        });
        owned.ForEach(memory => memory.Dispose());

        float[] Run(KernelVariant variant, LowRankSegment[] list)
        {
            using BoundedMemory<float> left = new(x.Length);
            using BoundedMemory<float> to = new(start.Length);
            x.CopyTo(left.Span);
            start.CopyTo(to.Span);
            fixed (LowRankSegment* first = list)
            {
                LowRank.ApplyWith(variant, first, list.Length, left.Pointer, inputs, to.Pointer, outputs);
            }
            return to.Span.ToArray();
        }
    }

    // Every array of an adapter ends at a guard page.
    private static LowRankSegment[] Build(int inputs, int outputs, List<IDisposable> owned)
    {
        LowRankSegment[] segments = new LowRankSegment[Batch.Length];
        for (int i = 0; i < Batch.Length; i++)
        {
            (float[] a, float[] b, float[]? bias, float[]? weights) = Arrays(i, inputs, outputs);
            BoundedMemory<float> packedA = new(inputs * LowRank.PaddedRank(Batch[i].Rank));
            BoundedMemory<float> packedB = new(outputs * Batch[i].Rank);
            packedA.Span.Fill(float.NaN);
            LowRank.PackA(a, Batch[i].Rank, inputs, packedA.Span);
            LowRank.PackB(b, Batch[i].Rank, outputs, packedB.Span);
            owned.AddRange([packedA, packedB]);
            segments[i] = new()
            {
                Row = Batch[i].Row,
                Rows = Batch[i].Rows,
                Rank = Batch[i].Rank,
                Scale = Batch[i].Scale,
                A = packedA.Pointer,
                B = packedB.Pointer,
                Bias = Bounded(bias, owned),
                TokenWeights = Bounded(weights, owned),
            };
        }
        return segments;
    }

    private static float* Bounded(float[]? values, List<IDisposable> owned)
    {
        if (values is null)
        {
            return null;
        }
        BoundedMemory<float> memory = new(values.Length);
        values.CopyTo(memory.Span);
        owned.Add(memory);
        return memory.Pointer;
    }

    private static (float[] A, float[] B, float[]? Bias, float[]? Weights) Arrays(int i, int inputs, int outputs) => (
        MatrixData.Numbers(Batch[i].Rank * inputs, 100 + i),
        MatrixData.Numbers(outputs * Batch[i].Rank, 200 + i),
        Batch[i].Bias ? MatrixData.Numbers(outputs, 300 + i) : null,
        Batch[i].Weights ? MatrixData.Numbers(Batch[i].Rows, 400 + i) : null);

    private static double[] Oracle(float[] x, float[] start, int inputs, int outputs, out double[] magnitudes)
    {
        double[] y = [.. start.Select(v => (double)v)];
        magnitudes = [.. start.Select(v => Math.Abs((double)v))];
        for (int i = 0; i < Batch.Length; i++)
        {
            (float[] a, float[] b, float[]? bias, float[]? weights) = Arrays(i, inputs, outputs);
            for (int r = 0; r < Batch[i].Rows; r++)
            {
                double factor = Batch[i].Scale * (double)(weights?[r] ?? 1f);
                for (int o = 0; o < outputs; o++)
                {
                    double sum = bias?[o] ?? 0;
                    double magnitude = Math.Abs(sum);
                    for (int j = 0; j < Batch[i].Rank; j++)
                    {
                        for (int k = 0; k < inputs; k++)
                        {
                            double term = (double)b[o * Batch[i].Rank + j] * a[j * inputs + k] * x[(Batch[i].Row + r) * inputs + k];
                            sum += term;
                            magnitude += Math.Abs(term);
                        }
                    }
                    y[(Batch[i].Row + r) * outputs + o] += factor * sum;
                    magnitudes[(Batch[i].Row + r) * outputs + o] += Math.Abs(factor) * magnitude;
                }
            }
        }
        return y;
    }

    [Fact]
    public void A_segment_beyond_the_rows_or_without_factors_is_refused()
    {
        float* memory = (float*)NativeMemory.AllocZeroed(1024);
        LowRankSegment good = new() { Row = 1, Rows = 2, Rank = 2, Scale = 1f, A = memory, B = memory };
        LowRank.Apply([good], new float[12], 4, new float[12], 4);
        LowRankSegment beyond = good with { Rows = 3 };
        ArgumentException error = Assert.Throws<ArgumentException>(() => LowRank.Apply([beyond], new float[12], 4, new float[12], 4));
        Assert.Contains("segment 0 covers rows 1 to 3, x has 3 rows", error.Message, StringComparison.Ordinal);
        LowRankSegment bare = good with { B = null };
        Assert.Throws<ArgumentException>(() => LowRank.Apply([bare], new float[12], 4, new float[12], 4));
        Assert.Throws<ArgumentOutOfRangeException>(() => LowRank.PaddedRank(0));
        NativeMemory.Free(memory);
    }

    [Fact]
    public void A_warm_call_allocates_nothing()
    {
        float* memory = (float*)NativeMemory.AllocZeroed(65536);
        LowRankSegment[] segments = [new() { Row = 0, Rows = 5, Rank = 16, Scale = 1f, A = memory, B = memory }];
        float[] x = new float[5 * 64];
        float[] y = new float[5 * 64];
        LowRank.Apply(segments, x, 64, y, 64);
        long before = GC.GetAllocatedBytesForCurrentThread();
        LowRank.Apply(segments, x, 64, y, 64);
        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);
        NativeMemory.Free(memory);
    }
}
