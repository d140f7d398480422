namespace Lorikeet.Kernels.Tests.Rows;

public sealed unsafe class ReduceTests
{
    [Fact]
    public void Sums_match_double_at_every_length()
    {
        Seeded random = new(1);
        for (int n = 0; n <= 140; n++)
        {
            float[] x = random.Array(n);
            float[] y = random.Array(n);
            double sum = 0, squares = 0, dot = 0;
            for (int i = 0; i < n; i++)
            {
                sum += x[i];
                squares += (double)x[i] * x[i];
                dot += (double)x[i] * y[i];
            }
            double slack = 1e-7 * Math.Max(1, n);
            Near.Check(sum, Reduce.Sum(x), 0, slack, $"sum {n}");
            Near.Check(sum, Reduce.SumDouble(x), 1e-14, 1e-14, $"double sum {n}");
            Near.Check(squares, Reduce.SumOfSquares(x), 1e-7, 0, $"squares {n}");
            Near.Check(squares, Reduce.SumOfSquaresDouble(x), 1e-14, 0, $"double squares {n}");
            Near.Check(dot, Reduce.Dot(x, y), 0, slack, $"dot {n}");
            Near.Check(dot, Reduce.DotDouble(x, y), 1e-14, 1e-14, $"double dot {n}");
        }
    }

    [Fact]
    public void Long_sums_use_blocks()
    {
        Seeded random = new(2);
        float[] x = random.Array(300_017);
        double sum = 0, squares = 0;
        foreach (float v in x)
        {
            sum += v;
            squares += (double)v * v;
        }
        Near.Check(sum, Reduce.Sum(x), 0, 0.02, "sum");
        Near.Check(sum, Reduce.SumDouble(x), 1e-12, 1e-12, "double sum");
        Near.Check(squares, Reduce.SumOfSquaresDouble(x), 1e-12, 0, "squares");
    }

    [Fact]
    public void Scalar_and_vector_sums_have_the_same_bits()
    {
        if (!KernelPath.Available.Contains(KernelVariant.Avx2))
        {
            return;
        }
        Seeded random = new(3);
        for (int n = 0; n <= 200; n++)
        {
            float[] x = random.Array(n);
            float[] y = random.Array(n);
            float[] a = new float[n];
            float[] b = new float[n];
            fixed (float* px = x, py = y, pa = a, pb = b)
            {
                Assert.Equal(Fold.Scalar(default(SumFold), px, px, n), Fold.Wide(default(SumFold), px, px, n));
                Assert.Equal(Fold.Scalar(default(DotFold), px, py, n), Fold.Wide(default(DotFold), px, py, n));
                Assert.Equal(Fold.Scalar(new DeviationFold(0.1f), px, py, n), Fold.Wide(new DeviationFold(0.1f), px, py, n));
                Assert.Equal(DoubleFold.Scalar(px, py, n), DoubleFold.Wide(px, py, n));
                Assert.Equal(DoubleFold.Scalar(px, null, n), DoubleFold.Wide(px, null, n));
                Assert.Equal(Extremes.MaxScalar(px, n), Extremes.MaxWide(px, n));
                float stored = RowExp.Scalar(px, 0.5f, pa, n);
                Assert.Equal(stored, RowExp.Wide(px, 0.5f, pb, n));
                Assert.Equal(stored, RowExp.Run(px, 0.5f, null, n));
                Near.Same(a, b, "exponentials");
            }
        }
    }

    [Fact]
    public void Maximum_passes_over_NaN_and_finds_the_first()
    {
        Assert.Equal(float.NegativeInfinity, Reduce.Max([]));
        Assert.Equal(-1, Reduce.ArgMax([]));
        Assert.Equal(-1, Reduce.ArgMax([float.NaN, float.NaN]));
        Assert.Equal(1, Reduce.ArgMax([float.NaN, float.NegativeInfinity]));
        Seeded random = new(4);
        for (int n = 1; n <= 70; n++)
        {
            float[] x = random.Array(n);
            for (int i = 0; i < n; i++)
            {
                x[i] = MathF.Round(x[i] * 4);
                x[i] = random.Below(5) == 0 ? float.NaN : x[i];
            }
            int best = -1;
            for (int i = 0; i < n; i++)
            {
                if (!float.IsNaN(x[i]) && (best < 0 || x[i] > x[best]))
                {
                    best = i;
                }
            }
            Assert.Equal(best, Reduce.ArgMax(x));
            Assert.Equal(best < 0 ? float.NegativeInfinity : x[best], Reduce.Max(x));
        }
    }

    [Fact]
    public void Infinite_and_NaN_are_found_at_every_place()
    {
        for (int n = 1; n <= 70; n++)
        {
            float[] x = new float[n];
            Array.Fill(x, float.MaxValue);
            Assert.True(Reduce.AllFinite(x));
            foreach (float bad in new[] { float.NaN, float.PositiveInfinity, float.NegativeInfinity })
            {
                for (int i = 0; i < n; i++)
                {
                    x[i] = bad;
                    Assert.False(Reduce.AllFinite(x), $"{bad} at {i} of {n}");
                    x[i] = float.MinValue;
                }
            }
        }
        Assert.True(Reduce.AllFinite([]));
    }

    [Theory]
    [InlineData(ElementType.F32, new uint[] { 0x7F7FFFFF, 0xFF7FFFFF, 1, 0x80000000 }, new uint[] { 0x7F800000, 0xFF800000, 0x7F800001, 0xFFC00000 })]
    [InlineData(ElementType.BF16, new uint[] { 0x7F7F, 0xFF7F, 1, 0x8000 }, new uint[] { 0x7F80, 0xFF80, 0x7F81, 0xFFC0 })]
    [InlineData(ElementType.F16, new uint[] { 0x7BFF, 0xFBFF, 1, 0x8000 }, new uint[] { 0x7C00, 0xFC00, 0x7C01, 0xFE00 })]
    public void Infinite_and_NaN_are_found_in_stored_numbers_at_every_place(ElementType type, uint[] good, uint[] bad)
    {
        int size = type.Size();
        for (int n = 0; n <= 70; n++)
        {
            byte[] x = new byte[n * size];
            for (int i = 0; i < n; i++)
            {
                Put(i, good[i % good.Length]);
            }
            Assert.True(Reduce.AllFinite(x, type));
            for (int i = 0; i < n; i++)
            {
                foreach (uint bits in bad)
                {
                    Put(i, bits);
                    Assert.False(Reduce.AllFinite(x, type), $"{bits:x} at {i} of {n}");
                }
                Put(i, good[0]);
            }

            void Put(int i, uint bits) => BitConverter.GetBytes(bits).AsSpan(0, size).CopyTo(x.AsSpan(i * size));
        }
    }

    [Theory]
    [InlineData(1, 1)]
    [InlineData(5, 7)]
    [InlineData(3, 70)]
    [InlineData(40, 133)]
    [InlineData(300, 576)]
    public void Columns_are_chains_over_ascending_rows(int rows, int width)
    {
        Seeded random = new(6);
        float[] x = random.Array(rows * width);
        float[] y = random.Array(rows * width);
        float[] start = random.Array(width);
        foreach (bool accumulate in new[] { false, true })
        {
            float[] sums = [.. start];
            float[] dots = [.. start];
            Reduce.SumColumns(x, width, sums, accumulate);
            Reduce.DotColumns(x, y, width, dots, accumulate);
            for (int c = 0; c < width; c++)
            {
                float sum = accumulate ? start[c] : 0;
                float dot = sum;
                for (int i = 0; i < rows; i++)
                {
                    sum += x[(i * width) + c];
                    dot = MathF.FusedMultiplyAdd(x[(i * width) + c], y[(i * width) + c], dot);
                }
                Assert.Equal(sum, sums[c]);
                Assert.Equal(dot, dots[c]);
            }
        }
        float[] rowDots = new float[rows];
        Reduce.DotRows(x, y, width, rowDots);
        for (int i = 0; i < rows; i++)
        {
            Assert.Equal(Reduce.Dot(x.AsSpan(i * width, width), y.AsSpan(i * width, width)), rowDots[i]);
        }
    }
}
