namespace Lorikeet.Kernels.Tests;

[Collection("team")]
public unsafe class HadamardTests
{
    [Theory]
    [InlineData(1, 1, 1)]
    [InlineData(3, 7, 2)]
    [InlineData(9, 40, 4)]
    [InlineData(33, 161, 5)]
    [InlineData(64, 2048, 8)]
    public void Equals_the_definition_and_all_variants_and_teams_agree_by_bits(int rows, int width, int rank)
    {
        float[] x = MatrixData.Numbers(rows * width, 1);
        float[] factors = MatrixData.Numbers(rank * width, 2);
        float[] q = MatrixData.Numbers(rows * rank * width, 3);
        float[] start = MatrixData.Numbers(rows * width, 4);
        float[] expanded = Expand(KernelVariant.Scalar);
        for (int i = 0; i < expanded.Length; i++)
        {
            int row = i / width;
            Assert.Equal(x[row / rank * width + i % width] * factors[row % rank * width + i % width], expanded[i]);
        }
        foreach (bool accumulate in new[] { false, true })
        {
            float[] reduced = Reduce(KernelVariant.Scalar, accumulate);
            for (int i = 0; i < reduced.Length; i++)
            {
                double sum = 0;
                double magnitude = 0;
                for (int j = 0; j < rank; j++)
                {
                    double term = (double)factors[j * width + i % width] * q[(i / width * rank + j) * width + i % width];
                    sum += term;
                    magnitude += Math.Abs(term);
                }
                double from = accumulate ? start[i] : 0;
                MatrixData.Near(from + 0.7 * sum, Math.Abs(from) + magnitude, reduced[i], $"element {i}");
            }
            MatrixData.EachTeam(threads =>
            {
                foreach (KernelVariant variant in MatrixData.Variants)
                {
                    MatrixData.SameBits(expanded, Expand(variant), $"expand {variant} threads {threads}");
                    MatrixData.SameBits(reduced, Reduce(variant, accumulate), $"reduce {variant} threads {threads}");
                }
            });
        }

        float[] Expand(KernelVariant variant)
        {
            using BoundedMemory<float> to = new(rows * rank * width);
            fixed (float* left = x)
            fixed (float* b = factors)
            {
                Hadamard.ExpandWith(variant, left, rows, width, b, rank, to.Pointer);
            }
            return to.Span.ToArray();
        }

        float[] Reduce(KernelVariant variant, bool accumulate)
        {
            using BoundedMemory<float> to = new(rows * width);
            start.CopyTo(to.Span);
            fixed (float* products = q)
            fixed (float* a = factors)
            {
                Hadamard.ReduceWith(variant, products, rows, width, a, rank, 0.7f, to.Pointer, accumulate);
            }
            return to.Span.ToArray();
        }
    }

    [Fact]
    public void Around_a_shared_product_it_equals_the_matrix_of_element_wise_factors()
    {
        // FLoRA: y = (W * (sum over j of a_j b_j^T)) x, * element by element.
        const int Rows = 4;
        const int Outputs = 37;
        const int Inputs = 29;
        const int Rank = 3;
        float[] x = MatrixData.Numbers(Rows * Inputs, 5);
        float[] w = MatrixData.Numbers(Outputs * Inputs, 6);
        float[] a = MatrixData.Numbers(Rank * Outputs, 7);
        float[] b = MatrixData.Numbers(Rank * Inputs, 8);
        float[] expanded = new float[Rows * Rank * Inputs];
        float[] q = new float[Rows * Rank * Outputs];
        float[] y = new float[Rows * Outputs];
        Hadamard.Expand(x, Rows, Inputs, b, Rank, expanded);
        PackedMatrix.Multiply(expanded, Rows * Rank, MatrixData.Pack(w, Outputs, Inputs, ElementType.F32), ElementType.F32, Outputs, Inputs, q);
        Hadamard.Reduce(q, Rows, Outputs, a, Rank, 1f, y);
        for (int i = 0; i < y.Length; i++)
        {
            int o = i % Outputs;
            double sum = 0;
            double magnitude = 0;
            for (int k = 0; k < Inputs; k++)
            {
                for (int j = 0; j < Rank; j++)
                {
                    double term = (double)w[o * Inputs + k] * a[j * Outputs + o] * b[j * Inputs + k] * x[i / Outputs * Inputs + k];
                    sum += term;
                    magnitude += Math.Abs(term);
                }
            }
            MatrixData.Near(sum, magnitude, y[i], $"element {i}");
        }
    }

    // Ranks of 0 are rows without factors; a segment may be empty.
    private static readonly (int Rows, int Rank, bool AddsBase)[] Mixed = [(2, 1, false), (3, 0, false), (1, 4, true), (0, 2, false), (30, 3, false), (5, 1, true)];

    [Theory]
    [InlineData(FactorType.F32)]
    [InlineData(FactorType.BF16)]
    [InlineData(FactorType.Int8)]
    public void Groups_of_rows_have_the_bits_of_lone_calls_with_the_stored_numbers(FactorType type)
    {
        const int Inputs = 100, Outputs = 75;
        using Batch batch = new(Mixed, Inputs, Outputs, type);
        float[] x = MatrixData.Numbers(batch.Rows * Inputs, 1), q = MatrixData.Numbers(batch.Copies * Outputs, 2);
        float[] expandedAlone = new float[batch.Copies * Inputs], reducedAlone = new float[batch.Rows * Outputs];
        int row = 0, copy = 0;
        for (int i = 0; i < Mixed.Length; i++)
        {
            (int count, int rank, bool adds) = Mixed[i];
            for (int r = 0; r < count; r++, row++)
            {
                Span<float> own = x.AsSpan(row * Inputs, Inputs), y = reducedAlone.AsSpan(row * Outputs, Outputs);
                if (rank > 0)
                {
                    Hadamard.Expand(own, 1, Inputs, batch.B[i], rank, expandedAlone.AsSpan(copy * Inputs));
                }
                if (rank == 0 || adds)
                {
                    own.CopyTo(expandedAlone.AsSpan((copy + rank) * Inputs));
                    q.AsSpan((copy + rank) * Outputs, Outputs).CopyTo(y);
                }
                if (rank > 0)
                {
                    Hadamard.Reduce(q.AsSpan(copy * Outputs), 1, Outputs, batch.A[i], rank, 0.5f, y, adds);
                }
                copy += batch.Segments[i].Copies;
            }
        }
        foreach (KernelVariant variant in MatrixData.Variants)
        {
            float[] expanded = new float[batch.Copies * Inputs], reduced = new float[batch.Rows * Outputs];
            fixed (HadamardSegment* list = batch.Segments)
            fixed (float* px = x, pq = q, pe = expanded, py = reduced)
            {
                Hadamard.GroupsWith(variant, list, Mixed.Length, px, Inputs, pe, reduce: false);
                Hadamard.GroupsWith(variant, list, Mixed.Length, pq, Outputs, py, reduce: true);
            }
            MatrixData.SameBits(expandedAlone, expanded, $"{variant} expanded");
            MatrixData.SameBits(reducedAlone, reduced, $"{variant} reduced");
        }
        float[] inPlace = [.. q.AsSpan(0, 2 * Outputs)], apart = new float[2 * Outputs];
        Hadamard.Reduce(batch.Segments.AsSpan(0, 1), inPlace, Outputs, apart);
        Hadamard.Reduce(batch.Segments.AsSpan(0, 1), inPlace, Outputs, inPlace);
        MatrixData.SameBits(apart, inPlace, "in place");
    }

    [Theory]
    [InlineData(FactorType.F32, ElementType.BF16, 1)]
    [InlineData(FactorType.BF16, ElementType.BF16, 1)]
    [InlineData(FactorType.Int8, ElementType.F32, 1)]
    [InlineData(FactorType.F32, ElementType.F16, 0)]
    [InlineData(FactorType.BF16, ElementType.F32, 2)]
    [InlineData(FactorType.F32, ElementType.BF16, 3)]
    public void Around_a_product_of_few_rows_they_have_the_bits_of_three_steps(FactorType type, ElementType element, int kind)
    {
        // One row of one copy or three; rows alone with their adapters; a mixture with rows that have none.
        (int Rows, int Rank, bool AddsBase)[] around = kind switch
        {
            0 => [(1, 2, true)],
            1 => [.. Enumerable.Repeat((1, 1, false), 16)],
            2 => [(1, 1, false)],
            _ => [(1, 1, false), (4, 0, false), (2, 5, true), (0, 3, false), (3, 2, false), (1, 1, true)],
        };
        const int Inputs = 96;
        int[] outputs = [64, 77, 200];
        using Batch first = new(around, Inputs, outputs[0], type), last = new(around, Inputs, outputs[2], type == FactorType.F32 ? FactorType.Int8 : FactorType.F32);
        float[] x = MatrixData.Numbers(first.Rows * Inputs, 1);
        byte[][] weights = [.. outputs.Select((o, i) => MatrixData.Pack(MatrixData.Numbers(o * Inputs, 5 + i), o, Inputs, element))];
        float[][] expected = [.. outputs.Select(o => new float[first.Rows * o])], got = [.. outputs.Select(o => new float[first.Rows * o])];
        Batch?[] batches = [first, null, last];
        for (int i = 0; i < outputs.Length; i++)
        {
            if (batches[i] is not { } batch)
            {
                PackedMatrix.Multiply(x, first.Rows, weights[i], element, outputs[i], Inputs, expected[i]);
                continue;
            }
            float[] expanded = new float[batch.Copies * Inputs], q = new float[batch.Copies * outputs[i]];
            Hadamard.Expand(batch.Segments, x, Inputs, expanded);
            PackedMatrix.Multiply(expanded, batch.Copies, weights[i], element, outputs[i], Inputs, q);
            Hadamard.Reduce(batch.Segments, q, outputs[i], expected[i]);
        }
        MatrixData.EachTeam(threads =>
        {
            foreach (KernelVariant variant in MatrixData.Variants.Where(v => v != KernelVariant.Scalar))
            {
                Array.ForEach(got, y => y.AsSpan().Fill(float.NaN));
                fixed (HadamardSegment* one = first.Segments, three = last.Segments)
                fixed (byte* w0 = weights[0], w1 = weights[1], w2 = weights[2])
                fixed (float* left = x, y0 = got[0], y1 = got[1], y2 = got[2])
                {
                    PackedPart[] parts =
                    [
                        new() { Packed = w0, Outputs = outputs[0], Y = y0, Around = new() { First = one, Count = around.Length } },
                        new() { Packed = w1, Outputs = outputs[1], Y = y1 },
                        new() { Packed = w2, Outputs = outputs[2], Y = y2, Around = new() { First = three, Count = around.Length } },
                    ];
                    fixed (PackedPart* all = parts)
                    {
                        PackedMatrix.MultiplyTogetherWith(variant, left, first.Rows, Inputs, element, all, 3);
                    }
                }
                for (int i = 0; i < outputs.Length; i++)
                {
                    MatrixData.SameBits(expected[i], got[i], $"{variant} part {i} threads {threads}");
                }
            }
        });
    }

    [Fact]
    public void Factors_that_do_not_fit_the_product_are_refused()
    {
        using Batch batch = new([(3, 1, false)], 4, 4, FactorType.F32);
        byte[] weights = MatrixData.Pack(new float[16], 4, 4, ElementType.F32);
        Assert.Contains("part 0", Refused(4, 3).Message, StringComparison.Ordinal);
        Assert.Contains("segment 0", Refused(2, 3).Message, StringComparison.Ordinal);
        Assert.Contains("TakesAround", Refused(100, 100).Message, StringComparison.Ordinal);
        batch.Segments[0].Rank = 70;
        Assert.False(PackedMatrix.TakesAround(210, 4, ElementType.F32));
        Assert.Contains("TakesAround", Refused(3, 3).Message, StringComparison.Ordinal);
        Assert.Throws<ArgumentException>(() => Hadamard.Expand([new() { Row = 0, Rows = 3 }], new float[4], 2, new float[20]));
        Assert.Throws<ArgumentException>(() => Hadamard.Expand([new() { Row = 0, Rows = 1, Rank = 1 }], new float[4], 2, new float[20]));
        Assert.Throws<ArgumentException>(() => Hadamard.Pack(new float[4], [1f, float.NaN, 1f, 1f], 1, 4, 4, FactorType.Int8, new byte[1000]));

        ArgumentException Refused(int rows, int ofSegment)
        {
            batch.Segments[0].Rows = ofSegment;
            return Assert.Throws<ArgumentException>(() =>
            {
                fixed (HadamardSegment* list = batch.Segments)
                fixed (byte* packed = weights)
                fixed (float* y = new float[400])
                {
                    PackedPart part = new() { Packed = packed, Outputs = 4, Y = y, Around = new() { First = list, Count = 1 } };
                    PackedMatrix.MultiplyTogether(new float[rows * 4], rows, 4, ElementType.F32, [part]);
                }
            });
        }
    }

    /// <summary>Segments with packed factors, and the numbers that the kernels see of them.</summary>
    private sealed class Batch : IDisposable
    {
        private readonly List<BoundedMemory<byte>> packed = [];

        public Batch((int Rows, int Rank, bool AddsBase)[] batch, int inputs, int outputs, FactorType type)
        {
            Segments = new HadamardSegment[batch.Length];
            A = new float[batch.Length][];
            B = new float[batch.Length][];
            for (int i = 0; i < batch.Length; i++)
            {
                (int rows, int rank, bool adds) = batch[i];
                Segments[i] = new() { Row = Rows, Rows = rows, Scale = 0.5f, AddsBase = adds };
                A[i] = MatrixData.Numbers(rank * outputs, (2 * i) + 10);
                B[i] = MatrixData.Numbers(rank * inputs, (2 * i) + 11);
                if (rank > 0)
                {
                    BoundedMemory<byte> memory = new((int)Hadamard.ByteLength(rank, inputs, outputs, type));
                    packed.Add(memory);
                    Hadamard.Pack(A[i], B[i], rank, inputs, outputs, type, memory.Span);
                    Segments[i].Use(memory.Pointer, rank, inputs, outputs, type);
                    A[i] = Stored(A[i], rank, type);
                    B[i] = Stored(B[i], rank, type);
                }
                Rows += rows;
                Copies += rows * Segments[i].Copies;
            }
        }

        public HadamardSegment[] Segments { get; }

        public float[][] A { get; }

        public float[][] B { get; }

        public int Rows { get; }

        public int Copies { get; }

        public void Dispose() => packed.ForEach(p => p.Dispose());

        private static float[] Stored(float[] factor, int rank, FactorType type)
        {
            int width = factor.Length / rank;
            float[] stored = type == FactorType.BF16 ? MatrixData.Rounded(factor, ElementType.BF16) : [.. factor];
            for (int j = 0; type == FactorType.Int8 && j < rank; j++)
            {
                Span<float> row = stored.AsSpan(j * width, width);
                float scale = factor.AsSpan(j * width, width).ToArray().Max(MathF.Abs) / 127f;
                foreach (ref float value in row)
                {
                    // A code has no minus zero.
                    value = (MathF.Round(value / scale) + 0f) * scale;
                }
            }
            return stored;
        }
    }

    [Fact]
    public void Short_spans_are_refused()
    {
        Assert.Throws<ArgumentException>(() => Hadamard.Expand(new float[4], 2, 2, new float[4], 2, new float[7]));
        Assert.Throws<ArgumentException>(() => Hadamard.Reduce(new float[7], 2, 2, new float[4], 2, 1f, new float[4]));
        Assert.Throws<ArgumentOutOfRangeException>(() => Hadamard.Expand(new float[4], 2, 2, new float[4], 0, new float[8]));
    }
}
