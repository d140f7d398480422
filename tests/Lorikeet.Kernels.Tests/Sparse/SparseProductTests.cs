namespace Lorikeet.Kernels.Tests.Sparse;

public sealed class SparseProductTests
{
    private const int Outputs = 300, Inputs = 45;

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(5)]
    [InlineData(6)]
    [InlineData(31)]
    [InlineData(100)]
    [InlineData(161)]
    public void Products_are_those_of_the_dense_matrix(int rows)
    {
        (int[] starts, int[] columns, float[] values, double[,] dense) = Matrix();
        float[] x = Numbers(rows * Inputs, 1), dy = Numbers(rows * Outputs, 2), y = Numbers(rows * Outputs, 3), dx = Numbers(rows * Inputs, 4), gradient = Numbers(values.Length, 5);
        float[] yBefore = [.. y], dxBefore = [.. dx], gradientBefore = [.. gradient];
        SparseProduct.Add(x, rows, starts, columns, values, Outputs, Inputs, y);
        SparseProduct.AddTransposed(dy, rows, starts, columns, values, Outputs, Inputs, dx);
        SparseProduct.Sample(dy, x, rows, starts, columns, Outputs, Inputs, gradient, accumulate: true);
        for (int i = 0; i < rows; i++)
        {
            for (int o = 0; o < Outputs; o++)
            {
                double sum = yBefore[(i * Outputs) + o];
                for (int k = 0; k < Inputs; k++)
                {
                    sum += dense[o, k] * x[(i * Inputs) + k];
                }
                Assert.Equal(sum, y[(i * Outputs) + o], 1e-5);
            }
            for (int k = 0; k < Inputs; k++)
            {
                double sum = dxBefore[(i * Inputs) + k];
                for (int o = 0; o < Outputs; o++)
                {
                    sum += dense[o, k] * dy[(i * Outputs) + o];
                }
                Assert.Equal(sum, dx[(i * Inputs) + k], 1e-4);
            }
        }
        for (int o = 0; o < Outputs; o++)
        {
            for (int e = starts[o]; e < starts[o + 1]; e++)
            {
                double sum = gradientBefore[e];
                for (int i = 0; i < rows; i++)
                {
                    sum += (double)dy[(i * Outputs) + o] * x[(i * Inputs) + columns[e]];
                }
                Assert.Equal(sum, gradient[e], 1e-4);
            }
        }
    }

    [Fact]
    public void A_row_has_the_same_bits_alone_and_among_others()
    {
        (int[] starts, int[] columns, float[] values, _) = Matrix();
        const int Rows = 70;
        float[] x = Numbers(Rows * Inputs, 1), all = new float[Rows * Outputs], one = new float[Outputs];
        SparseProduct.Add(x, Rows, starts, columns, values, Outputs, Inputs, all);
        for (int i = 0; i < Rows; i++)
        {
            Array.Clear(one);
            SparseProduct.Add(x.AsSpan(i * Inputs, Inputs), 1, starts, columns, values, Outputs, Inputs, one);
            Assert.Equal(one, all.AsSpan(i * Outputs, Outputs).ToArray());
        }
    }

    [Fact]
    public void What_is_not_an_entry_is_never_read()
    {
        float[] x = [float.NaN, 2, float.PositiveInfinity], y = [1, 1];
        SparseProduct.Add(x, 1, [0, 1, 1], [1], [3f], 2, 3, y);
        Assert.Equal([7f, 1f], y);
    }

    [Fact]
    public void Spans_that_do_not_fit_are_refused()
    {
        Assert.Throws<ArgumentException>(() => SparseProduct.Add(new float[5], 2, [0, 0, 0], [], [], 2, 3, new float[4]));
        Assert.Throws<ArgumentException>(() => SparseProduct.Add(new float[6], 2, [0, 0], [], [], 2, 3, new float[4]));
        Assert.Throws<ArgumentException>(() => SparseProduct.Add(new float[6], 2, [0, 1, 2], [0], [1f], 2, 3, new float[4]));
    }

    private static (int[] Starts, int[] Columns, float[] Values, double[,] Dense) Matrix()
    {
        List<int> starts = [0], columns = [];
        List<float> values = [];
        double[,] dense = new double[Outputs, Inputs];
        float[] numbers = Numbers(Outputs * Inputs, 9);
        for (int o = 0; o < Outputs; o++)
        {
            // Rows of no entries, of all, and of some.
            for (int k = 0; k < Inputs; k++)
            {
                if (o % 7 == 3 || (o % 7 != 5 && ((o * 31) + (k * 17)) % 11 == 0))
                {
                    columns.Add(k);
                    values.Add(numbers[(o * Inputs) + k]);
                    dense[o, k] = values[^1];
                }
            }
            starts.Add(columns.Count);
        }
        return ([.. starts], [.. columns], [.. values], dense);
    }

    private static float[] Numbers(int count, int seed)
    {
        float[] numbers = new float[count];
        uint state = (uint)seed * 2654435761u;
        for (int i = 0; i < count; i++)
        {
            state = (state * 1664525u) + 1013904223u;
            numbers[i] = (state >> 8) / (float)(1 << 23) - 1f;
        }
        return numbers;
    }
}
