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

    [Fact]
    public void Groups_of_rows_have_the_bits_of_lone_calls()
    {
        const int Inputs = 100, Outputs = 75;
        (int Rows, int Rank, bool AddsBase)[] batch = [(2, 1, false), (3, 0, false), (1, 4, true), (0, 2, false), (300, 3, false), (5, 1, true)];
        int rows = batch.Sum(s => s.Rows), copies = batch.Sum(s => s.Rows * (s.Rank == 0 ? 1 : s.Rank + (s.AddsBase ? 1 : 0)));
        float[] x = MatrixData.Numbers(rows * Inputs, 1), q = MatrixData.Numbers(copies * Outputs, 2);
        float[] a = MatrixData.Numbers(10 * Outputs, 3), b = MatrixData.Numbers(10 * Inputs, 4);
        float[] expandedAlone = new float[copies * Inputs], reducedAlone = new float[rows * Outputs];
        HadamardSegment[] segments = new HadamardSegment[batch.Length];
        fixed (float* factorsA = a)
        fixed (float* factorsB = b)
        {
            int row = 0, copy = 0;
            for (int i = 0; i < batch.Length; i++)
            {
                (int count, int rank, bool adds) = batch[i];
                segments[i] = new() { Row = row, Rows = count, Rank = rank, AddsBase = adds, Scale = 0.5f, A = factorsA + i, B = factorsB + i };
                for (int r = 0; r < count; r++, row++)
                {
                    Span<float> own = x.AsSpan(row * Inputs, Inputs), y = reducedAlone.AsSpan(row * Outputs, Outputs);
                    if (rank > 0)
                    {
                        Hadamard.Expand(own, 1, Inputs, b.AsSpan(i, rank * Inputs), rank, expandedAlone.AsSpan(copy * Inputs));
                    }
                    if (rank == 0 || adds)
                    {
                        own.CopyTo(expandedAlone.AsSpan((copy + rank) * Inputs));
                        q.AsSpan((copy + rank) * Outputs, Outputs).CopyTo(y);
                    }
                    if (rank > 0)
                    {
                        Hadamard.Reduce(q.AsSpan(copy * Outputs), 1, Outputs, a.AsSpan(i, rank * Outputs), rank, 0.5f, y, adds);
                    }
                    copy += segments[i].Copies;
                }
            }
            foreach (KernelVariant variant in MatrixData.Variants)
            {
                float[] expanded = new float[copies * Inputs], reduced = new float[rows * Outputs];
                fixed (HadamardSegment* list = segments)
                fixed (float* px = x, pq = q, pe = expanded, py = reduced)
                {
                    Hadamard.GroupsWith(variant, list, segments.Length, px, Inputs, pe, reduce: false);
                    Hadamard.GroupsWith(variant, list, segments.Length, pq, Outputs, py, reduce: true);
                }
                MatrixData.SameBits(expandedAlone, expanded, $"{variant} expanded");
                MatrixData.SameBits(reducedAlone, reduced, $"{variant} reduced");
            }
            float[] inPlace = [.. q.AsSpan(0, 2 * Outputs)], apart = new float[2 * Outputs];
            Hadamard.Reduce(segments.AsSpan(0, 1), inPlace, Outputs, apart);
            Hadamard.Reduce(segments.AsSpan(0, 1), inPlace, Outputs, inPlace);
            MatrixData.SameBits(apart, inPlace, "in place");
        }
        Assert.Throws<ArgumentException>(() => Hadamard.Expand([new() { Row = 0, Rows = 3 }], new float[4], 2, new float[20]));
        Assert.Throws<ArgumentException>(() => Hadamard.Expand([new() { Row = 0, Rows = 1, Rank = 1 }], new float[4], 2, new float[20]));
    }

    [Fact]
    public void Short_spans_are_refused()
    {
        Assert.Throws<ArgumentException>(() => Hadamard.Expand(new float[4], 2, 2, new float[4], 2, new float[7]));
        Assert.Throws<ArgumentException>(() => Hadamard.Reduce(new float[7], 2, 2, new float[4], 2, 1f, new float[4]));
        Assert.Throws<ArgumentOutOfRangeException>(() => Hadamard.Expand(new float[4], 2, 2, new float[4], 0, new float[8]));
    }
}
