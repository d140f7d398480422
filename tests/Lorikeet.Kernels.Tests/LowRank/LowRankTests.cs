using System.Runtime.InteropServices;

namespace Lorikeet.Kernels.Tests;

[Collection("team")]
public unsafe class LowRankTests
{
    private sealed record Adapter(int Row, int Rows, int Rank, float Scale, bool Bias, bool Weights, FactorType Type = FactorType.F32, int Site = 0);

    // Mixed ranks, types and sites, gaps between segments (row 0, rows 10 to 11), an empty segment, every number of rows of the groups.
    private static readonly Adapter[] Batch =
    [
        new(1, 1, 4, 2f, false, false), new(2, 2, 8, 0.5f, true, false), new(4, 5, 16, 1f, false, true), new(9, 1, 1, -1f, true, true),
        new(12, 0, 3, 1f, false, false), new(12, 7, 23, 0.25f, true, true), new(19, 6, 9, 1.5f, false, false), new(25, 14, 40, 1f, true, false),
        new(39, 1, 64, 0.125f, false, true),
        new(0, 3, 16, 1f, false, false, FactorType.BF16, 1), new(3, 1, 5, 1f, true, true, FactorType.BF16, 1), new(4, 9, 21, 0.5f, false, false, FactorType.BF16, 1),
        new(13, 4, 16, 1f, true, false, FactorType.Int8, 1), new(17, 8, 3, 2f, false, true, FactorType.Int8, 1), new(25, 1, 35, 1f, false, false, FactorType.Int8, 1),
        new(26, 15, 8, 1f, false, false, FactorType.BF16, 1),
    ];

    private const int TotalRows = 41;

    [Theory]
    [InlineData(1, 1)]
    [InlineData(7, 5)]
    [InlineData(64, 48)]
    [InlineData(100, 131)]
    [InlineData(33, 5000)]
    [InlineData(2100, 64)]
    public void Equals_the_double_oracle_and_all_variants_and_teams_agree_by_bits(int inputs, int outputs)
    {
        int[] widths = [outputs, (outputs / 2) + 1];
        float[] x = MatrixData.Numbers(TotalRows * inputs, 1);
        float[][] start = [MatrixData.Numbers(TotalRows * widths[0], 2), MatrixData.Numbers(TotalRows * widths[1], 3)];
        List<IDisposable> owned = [];
        LowRankSegment[] segments = Build(inputs, widths, owned);
        float[][] reference = Run(KernelVariant.Scalar, segments, start);
        for (int site = 0; site < 2; site++)
        {
            double[] expected = Oracle(x, start[site], inputs, widths[site], site, out double[] magnitudes);
            for (int i = 0; i < expected.Length; i++)
            {
                MatrixData.Near(expected[i], magnitudes[i], reference[site][i], $"site {site} row {i / widths[site]} column {i % widths[site]}");
            }
        }
        MatrixData.EachTeam(threads =>
        {
            foreach (KernelVariant variant in MatrixData.Variants)
            {
                float[][] together = Run(variant, segments, start);
                float[][] alone = start;
                // Row by row, the last first: what runs beside a row, before it or after it leaves its bits alone.
                foreach (LowRankSegment segment in segments.Reverse())
                {
                    for (int r = 0; r < segment.Rows; r++)
                    {
                        LowRankSegment one = segment;
                        one.Row = segment.Row + r;
                        one.Rows = 1;
                        one.TokenWeights = segment.TokenWeights is null ? null : segment.TokenWeights + r;
                        alone = Run(variant, [one], alone);
                    }
                }
                for (int site = 0; site < 2; site++)
                {
                    MatrixData.SameBits(reference[site], together[site], $"{variant} threads {threads} site {site}");
                    MatrixData.SameBits(reference[site], alone[site], $"{variant} row by row, site {site}");
                }
            }
        });
        owned.ForEach(memory => memory.Dispose());

        float[][] Run(KernelVariant variant, LowRankSegment[] list, float[][] from)
        {
            using BoundedMemory<float> left = new(x.Length);
            using BoundedMemory<float> first = new(from[0].Length), second = new(from[1].Length);
            x.CopyTo(left.Span);
            from[0].CopyTo(first.Span);
            from[1].CopyTo(second.Span);
            LowRankResult* results = stackalloc LowRankResult[2];
            results[0] = new() { Y = first.Pointer, Rows = TotalRows, Outputs = widths[0] };
            results[1] = new() { Y = second.Pointer, Rows = TotalRows, Outputs = widths[1] };
            fixed (LowRankSegment* segment = list)
            {
                LowRank.ApplyWith(variant, segment, list.Length, left.Pointer, inputs, results);
            }
            return [first.Span.ToArray(), second.Span.ToArray()];
        }
    }

    [Theory]
    [InlineData(FactorType.BF16)]
    [InlineData(FactorType.Int8)]
    public void Shorter_storage_stays_within_its_stated_bound(FactorType type)
    {
        const int Inputs = 96, Outputs = 80, Rank = 12;
        float[] a = MatrixData.Numbers(Rank * Inputs, 5), b = MatrixData.Numbers(Outputs * Rank, 6), x = MatrixData.Numbers(Inputs, 7);
        // One rank much smaller than the others: its own scale keeps its relative precision.
        for (int k = 0; k < Inputs; k++)
        {
            a[k] *= 1e-4f;
        }
        (float[] storedA, float[] storedB) = Stored(a, b, Rank, Inputs, Outputs, type);
        for (int i = 0; i < a.Length; i++)
        {
            Assert.True(Math.Abs(a[i] - storedA[i]) <= Bound(a.AsSpan(i / Inputs * Inputs, Inputs), 1, a[i], type), $"A[{i}] {a[i]:R} became {storedA[i]:R}");
        }
        for (int i = 0; i < b.Length; i++)
        {
            Assert.True(Math.Abs(b[i] - storedB[i]) <= Bound(b.AsSpan(i % Rank), Rank, b[i], type), $"B[{i}] {b[i]:R} became {storedB[i]:R}");
        }
        float[] exact = Change(a, b, FactorType.F32), brief = Change(a, b, type);
        double worst = 0, norm = 0;
        for (int o = 0; o < Outputs; o++)
        {
            worst += Math.Pow(exact[o] - brief[o], 2);
            norm += Math.Pow(exact[o], 2);
        }
        // Errors of single numbers average out: the change as a whole is good to about 0.3 % (bfloat16) and 1 % (int8) for even numbers.
        Assert.InRange(Math.Sqrt(worst / norm), 0, type == FactorType.BF16 ? 0.004 : 0.012);

        float[] Change(float[] one, float[] two, FactorType kept)
        {
            byte[] packed = new byte[LowRank.ByteLength(Rank, Inputs, Outputs, kept)];
            LowRank.Pack(one, two, Rank, Inputs, Outputs, kept, packed);
            float[] y = new float[Outputs];
            fixed (byte* factors = packed)
            {
                LowRank.Apply([new() { Rows = 1, Rank = Rank, Type = kept, Scale = 1f, Factors = factors }], x, Inputs, y, Outputs);
            }
            return y;
        }

        static double Bound(ReadOnlySpan<float> line, int step, float value, FactorType type)
        {
            double most = 0;
            for (int i = 0; i < line.Length; i += step)
            {
                most = Math.Max(most, Math.Abs(line[i]));
            }
            return type == FactorType.BF16 ? Math.Abs(value) / 256.0 : most / 254 * 1.000001;
        }
    }

    [Fact]
    public void Int8_refuses_what_has_no_code_and_takes_zeros()
    {
        byte[] packed = new byte[LowRank.ByteLength(2, 3, 4, FactorType.Int8)];
        LowRank.Pack(new float[6], new float[8], 2, 3, 4, FactorType.Int8, packed);
        Assert.All(packed, b => Assert.Equal(0, b));
        float[] bad = [1f, float.NaN, 0f, 0f, 0f, 0f];
        ArgumentException error = Assert.Throws<ArgumentException>(() => LowRank.Pack(bad, new float[8], 2, 3, 4, FactorType.Int8, packed));
        Assert.Contains("has no int8 code", error.Message, StringComparison.Ordinal);
    }

    // Every array of an adapter ends at a guard page.
    private static LowRankSegment[] Build(int inputs, int[] outputs, List<IDisposable> owned)
    {
        LowRankSegment[] segments = new LowRankSegment[Batch.Length];
        for (int i = 0; i < Batch.Length; i++)
        {
            Adapter own = Batch[i];
            int width = outputs[own.Site];
            (float[] a, float[] b, float[]? bias, float[]? weights) = Arrays(i, inputs, width);
            BoundedMemory<byte> factors = new((int)LowRank.ByteLength(own.Rank, inputs, width, own.Type));
            factors.Span.Fill(0xFF);
            LowRank.Pack(a, b, own.Rank, inputs, width, own.Type, factors.Span);
            owned.Add(factors);
            segments[i] = new()
            {
                Row = own.Row,
                Rows = own.Rows,
                Site = own.Site,
                Rank = own.Rank,
                Type = own.Type,
                Scale = own.Scale,
                Factors = factors.Pointer,
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

    // What the storage makes of the factors, worked out here again.
    private static (float[] A, float[] B) Stored(float[] a, float[] b, int rank, int inputs, int outputs, FactorType type)
    {
        if (type != FactorType.Int8)
        {
            ElementType element = type == FactorType.F32 ? ElementType.F32 : ElementType.BF16;
            return (MatrixData.Rounded(a, element), MatrixData.Rounded(b, element));
        }
        float[] codesA = new float[a.Length], codesB = new float[b.Length];
        for (int j = 0; j < rank; j++)
        {
            float scaleA = Enumerable.Range(0, inputs).Max(k => Math.Abs(a[(j * inputs) + k])) / 127f;
            float scaleB = Enumerable.Range(0, outputs).Max(o => Math.Abs(b[(o * rank) + j])) / 127f;
            for (int k = 0; k < inputs; k++)
            {
                codesA[(j * inputs) + k] = MathF.Round(a[(j * inputs) + k] / scaleA) * scaleA;
            }
            for (int o = 0; o < outputs; o++)
            {
                codesB[(o * rank) + j] = MathF.Round(b[(o * rank) + j] / scaleB) * scaleB;
            }
        }
        return (codesA, codesB);
    }

    private static double[] Oracle(float[] x, float[] start, int inputs, int outputs, int site, out double[] magnitudes)
    {
        double[] y = [.. start.Select(v => (double)v)];
        magnitudes = [.. start.Select(v => Math.Abs((double)v))];
        for (int i = 0; i < Batch.Length; i++)
        {
            Adapter own = Batch[i];
            if (own.Site != site)
            {
                continue;
            }
            (float[] a, float[] b, float[]? bias, float[]? weights) = Arrays(i, inputs, outputs);
            (a, b) = Stored(a, b, own.Rank, inputs, outputs, own.Type);
            for (int r = 0; r < own.Rows; r++)
            {
                double[] h = new double[own.Rank], sizes = new double[own.Rank];
                for (int j = 0; j < own.Rank; j++)
                {
                    for (int k = 0; k < inputs; k++)
                    {
                        double term = (double)a[(j * inputs) + k] * x[((own.Row + r) * inputs) + k];
                        h[j] += term;
                        sizes[j] += Math.Abs(term);
                    }
                }
                double factor = own.Scale * (double)(weights?[r] ?? 1f);
                for (int o = 0; o < outputs; o++)
                {
                    double sum = bias?[o] ?? 0, magnitude = Math.Abs(sum);
                    for (int j = 0; j < own.Rank; j++)
                    {
                        sum += b[(o * own.Rank) + j] * h[j];
                        magnitude += Math.Abs(b[(o * own.Rank) + j]) * sizes[j];
                    }
                    y[((own.Row + r) * outputs) + o] += factor * sum;
                    magnitudes[((own.Row + r) * outputs) + o] += Math.Abs(factor) * magnitude;
                }
            }
        }
        return y;
    }

    [Fact]
    public void A_segment_beyond_the_rows_or_without_factors_is_refused()
    {
        byte* memory = (byte*)NativeMemory.AllocZeroed(4096);
        LowRankSegment good = new() { Row = 1, Rows = 2, Rank = 2, Scale = 1f, Factors = memory };
        LowRank.Apply([good], new float[12], 4, new float[12], 4);
        ArgumentException error = Assert.Throws<ArgumentException>(() => LowRank.Apply([good with { Rows = 3 }], new float[12], 4, new float[12], 4));
        Assert.Contains("segment 0 covers rows 1 to 3, x has 3 rows", error.Message, StringComparison.Ordinal);
        Assert.Throws<ArgumentException>(() => LowRank.Apply([good with { Factors = null }], new float[12], 4, new float[12], 4));
        Assert.Throws<ArgumentException>(() => LowRank.Apply([good with { Site = 1 }], new float[12], 4, new float[12], 4));
        Assert.Throws<ArgumentException>(() => LowRank.Apply([good with { Type = (FactorType)9 }], new float[12], 4, new float[12], 4));
        Assert.Throws<ArgumentOutOfRangeException>(() => LowRank.ByteLength(0, 1, 1, FactorType.F32));
        NativeMemory.Free(memory);
    }

    [Fact]
    public void A_warm_call_allocates_nothing()
    {
        byte* memory = (byte*)NativeMemory.AllocZeroed(1 << 20);
        LowRankSegment[] segments = [new() { Row = 0, Rows = 5, Rank = 16, Scale = 1f, Factors = memory }, new() { Row = 5, Rows = 9, Rank = 16, Scale = 1f, Factors = memory }];
        float[] x = new float[14 * 64];
        float[] y = new float[14 * 64];
        LowRank.Apply(segments, x, 64, y, 64);
        long before = GC.GetAllocatedBytesForCurrentThread();
        LowRank.Apply(segments, x, 64, y, 64);
        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);
        NativeMemory.Free(memory);
    }
}
