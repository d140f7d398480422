namespace Lorikeet.Kernels.Tests.Rows;

public sealed class NormsTests
{
    private const float Eps = 1e-5f;

    // The weighted sum of the norm's result, in double: what both gradients are checked against.
    private static double Loss(double[] x, double[] weight, double[] bias, float[] dy, int width, bool centred, double[]? results = null)
    {
        double total = 0;
        for (int at = 0; at < x.Length; at += width)
        {
            double mean = 0, squares = 0;
            for (int c = 0; c < width; c++)
            {
                mean += centred ? x[at + c] / width : 0;
            }
            for (int c = 0; c < width; c++)
            {
                squares += (x[at + c] - mean) * (x[at + c] - mean) / width;
            }
            for (int c = 0; c < width; c++)
            {
                double y = ((x[at + c] - mean) / Math.Sqrt(squares + Eps) * weight[c]) + bias[c];
                total += y * dy[at + c];
                if (results is not null)
                {
                    results[at + c] = y;
                }
            }
        }
        return total;
    }

    [Theory]
    [InlineData(1, 8, true)]
    [InlineData(3, 5, true)]
    [InlineData(3, 37, false)]
    [InlineData(4, 64, true)]
    [InlineData(40, 576, true)]
    public void Rms_norm(int rows, int width, bool weighted)
    {
        Seeded random = new(31);
        float[] x = random.Array(rows * width, 2);
        float[] weight = weighted ? random.Array(width, 2) : [];
        double[] wide = weighted ? Near.Widen(weight) : [.. Enumerable.Repeat(1.0, width)];
        double[] zero = new double[width];
        float[] dy = random.Array(x.Length);
        float[] y = new float[x.Length];
        float[] inverse = new float[rows];
        Norms.RmsNorm(x, weight, Eps, width, y, inverse);
        double[] expected = new double[x.Length];
        Loss(Near.Widen(x), wide, zero, dy, width, false, expected);
        Near.Check(expected, y, 5e-7, 1e-7, "y");

        float[] dx = random.Array(x.Length);
        float[] before = [.. dx];
        float[] dWeight = new float[width];
        Norms.RmsNormBackward(x, weight, inverse, dy, width, dx, weighted ? dWeight : [], true);
        float[] written = [.. dy];
        Norms.RmsNormBackward(x, weight, inverse, written, width, written, weighted ? dWeight : [], false);
        for (int i = 0; i < dx.Length; i++)
        {
            Near.Check(before[i] + (double)written[i], dx[i], 1e-6, 3e-7, "accumulated");
        }
        if (x.Length < 300)
        {
            Near.Gradient(v => Loss(v, wide, zero, dy, width, false), x, written, 2e-6, "dx");
            if (weighted)
            {
                // Both calls added to it.
                Near.Gradient(v => 2 * Loss(Near.Widen(x), v, zero, dy, width, false), weight, dWeight, 2e-6, "dWeight");
            }
        }
    }

    [Theory]
    [InlineData(1, 8, 2)]
    [InlineData(3, 5, 2)]
    [InlineData(3, 37, 1)]
    [InlineData(4, 64, 0)]
    [InlineData(40, 576, 2)]
    public void Layer_norm(int rows, int width, int parameters)
    {
        Seeded random = new(32);
        float[] x = random.Array(rows * width, 2);
        for (int i = 0; i < x.Length; i++)
        {
            x[i] += 3;
        }
        float[] weight = parameters > 0 ? random.Array(width, 2) : [];
        float[] bias = parameters > 1 ? random.Array(width, 2) : [];
        double[] wide = parameters > 0 ? Near.Widen(weight) : [.. Enumerable.Repeat(1.0, width)];
        double[] wideBias = parameters > 1 ? Near.Widen(bias) : new double[width];
        float[] dy = random.Array(x.Length);
        float[] y = new float[x.Length];
        float[] mean = new float[rows];
        float[] inverse = new float[rows];
        Norms.LayerNorm(x, weight, bias, Eps, width, y, mean, inverse);
        double[] expected = new double[x.Length];
        Loss(Near.Widen(x), wide, wideBias, dy, width, true, expected);
        Near.Check(expected, y, 1e-6, 1e-6, "y");

        float[] dx = random.Array(x.Length);
        float[] before = [.. dx];
        float[] dWeight = new float[width];
        float[] dBias = new float[width];
        Norms.LayerNormBackward(x, weight, mean, inverse, dy, width, dx, [], [], true);
        float[] written = [.. dy];
        Norms.LayerNormBackward(x, weight, mean, inverse, written, width, written, dWeight, dBias, false);
        for (int i = 0; i < dx.Length; i++)
        {
            Near.Check(before[i] + (double)written[i], dx[i], 1e-6, 3e-7, "accumulated");
        }
        if (x.Length < 300)
        {
            Near.Gradient(v => Loss(v, wide, wideBias, dy, width, true), x, written, 3e-6, "dx");
            if (parameters > 1)
            {
                Near.Gradient(v => Loss(Near.Widen(x), v, wideBias, dy, width, true), weight, dWeight, 3e-6, "dWeight");
                Near.Gradient(v => Loss(Near.Widen(x), wide, v, dy, width, true), bias, dBias, 3e-6, "dBias");
            }
        }
    }

    [Theory]
    [InlineData(1, 32, true)]
    [InlineData(3, 576, false)]
    [InlineData(70, 576, true)]
    public void A_norm_that_codes_its_result_has_the_bits_of_both_passes(int rows, int width, bool centred)
    {
        Seeded numbers = new(9);
        float[] x = numbers.Array(rows * width), weight = numbers.Array(width), bias = numbers.Array(width), expected = new float[x.Length], y = new float[x.Length];
        byte[] codes = new byte[rows * CodedRows.RowBytes(width)], coded = new byte[codes.Length];
        if (centred)
        {
            Norms.LayerNorm(x, weight, bias, Eps, width, expected, [], []);
        }
        else
        {
            Norms.RmsNorm(x, weight, Eps, width, expected, []);
        }
        CodedRows.Code(expected, rows, width, codes);
        Norms.Coded(x, weight, bias, Eps, width, centred, y, coded);
        Assert.Equal(expected, y);
        Assert.Equal(codes, coded);
        Assert.Throws<ArgumentException>(() => Norms.Coded(new float[33], [], [], Eps, 33, false, new float[33], coded));
    }

    [Fact]
    public void Row_does_not_depend_on_its_neighbours()
    {
        const int Width = 61;
        Seeded random = new(33);
        float[] x = random.Array(700 * Width);
        float[] weight = random.Array(Width);
        float[] y = new float[x.Length];
        Norms.RmsNorm(x, weight, Eps, Width, y, []);
        float[] alone = new float[Width];
        foreach (int row in new[] { 0, 1, 350, 699 })
        {
            Norms.RmsNorm(x.AsSpan(row * Width, Width), weight, Eps, Width, alone, []);
            Near.Same(alone, y.AsSpan(row * Width, Width), $"row {row}");
        }
    }
}
