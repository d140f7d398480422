namespace Lorikeet.Kernels.Tests.Rows;

public sealed unsafe class ElementwiseTests
{
    private delegate void Unary(ReadOnlySpan<float> x, Span<float> to);

    private delegate void Backward(ReadOnlySpan<float> x, ReadOnlySpan<float> dy, Span<float> dx, bool accumulate);

    private sealed record Row(string Name, Unary Forward, Backward Back, Func<double, double> Reference, double Relative, double PerInput, double Ulps);

    // PerInput: allowed error as a share of |x|, where the function itself cancels (the tails of both GELUs).
    private static readonly Row[] rows =
    [
        new("Exp", Elementwise.Exp, Elementwise.ExpBackward, Math.Exp, 2.4e-7, 0, 2),
        new("Sigmoid", Elementwise.Sigmoid, Elementwise.SigmoidBackward, x => 1 / (1 + Math.Exp(-x)), 3.6e-7, 0, 3.5),
        new("Tanh", Elementwise.Tanh, Elementwise.TanhBackward, Math.Tanh, 4e-7, 0, 4),
        new("Relu", Elementwise.Relu, Elementwise.ReluBackward, x => Math.Max(x, 0), 0, 0, 0),
        new("Silu", Elementwise.Silu, Elementwise.SiluBackward, x => x / (1 + Math.Exp(-x)), 4.5e-7, 0, 4),
        new("Gelu", Elementwise.Gelu, Elementwise.GeluBackward, x => x * (1 + Oracle.Erf(x / Math.Sqrt(2))) / 2, 4e-7, 1.5e-7, 100),
        // The exponential's argument reaches 88 before the result vanishes, and its rounding shows as that many ulps.
        new("QuickGelu", Elementwise.QuickGelu, Elementwise.QuickGeluBackward, x => x / (1 + Math.Exp(-1.702 * x)), 1.2e-5, 0, 100),
        new("GeluTanh", Elementwise.GeluTanh, Elementwise.GeluTanhBackward, Oracle.GeluTanh, 1.2e-5, 0, 100),
    ];

    public static TheoryData<string> Names
    {
        get
        {
            TheoryData<string> names = [];
            foreach (Row row in rows)
            {
                names.Add(row.Name);
            }
            return names;
        }
    }

    private static Row Named(string name) => Array.Find(rows, r => r.Name == name)!;

    [Theory]
    [MemberData(nameof(Names))]
    public void Function_is_near_its_double_reference(string name)
    {
        Row row = Named(name);
        float[] x = new float[40_001];
        for (int i = 0; i < x.Length; i++)
        {
            x[i] = (i - 20_000) * 0.0004f * (i % 7 == 0 ? 10 : 1);
        }
        float[] y = new float[x.Length];
        row.Forward(x, y);
        for (int i = 0; i < x.Length; i++)
        {
            double expected = row.Reference(x[i]);
            Near.Check(expected, y[i], row.Relative, (row.PerInput * Math.Abs(x[i])) + 2e-37, $"{name}({x[i]:R})");
            if (row.Ulps < 100 && Math.Abs(expected) > 1e-36)
            {
                Assert.True(Near.Ulps(expected, y[i]) <= row.Ulps, $"{name}({x[i]:R}) = {y[i]:R} is {Near.Ulps(expected, y[i]):F2} ulp from {expected:R}");
            }
        }
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void Gradient_is_the_slope(string name)
    {
        Row row = Named(name);
        Seeded random = new(3);
        float[] x = random.Array(203, 4);
        float[] dy = random.Array(203);
        float[] dx = random.Array(203);
        float[] before = [.. dx];
        row.Back(x, dy, dx, true);
        float[] written = new float[203];
        row.Back(x, dy, written, false);
        for (int i = 0; i < x.Length; i++)
        {
            double slope = (row.Reference(x[i] + 1e-6) - row.Reference(x[i] - 1e-6)) / 2e-6 * dy[i];
            Near.Check(slope, written[i], 2e-6, 2e-7, $"{name}'({x[i]:R})");
            Near.Check(before[i] + (double)written[i], dx[i], 1e-6, 1e-7, $"{name}' accumulated at {i}");
        }
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void Element_has_the_same_bits_wherever_it_stands(string name)
    {
        Row row = Named(name);
        Seeded random = new(11);
        float[] special = [float.NaN, float.PositiveInfinity, float.NegativeInfinity, 0f, -0f, 1e-40f, -1e-40f, 88.7228f, 88.73f, -87.2f, -87.4f, 3e38f, -3e38f];
        for (int length = 0; length <= 70; length++)
        {
            float[] x = random.Array(length, 6);
            for (int i = 0; i < length; i++)
            {
                x[i] = random.Below(4) == 0 ? special[random.Below(special.Length)] : x[i];
            }
            float[] dy = random.Array(length);
            float[] y = new float[length];
            float[] dx = new float[length];
            row.Forward(x, y);
            row.Back(x, dy, dx, false);
            float[] alone = new float[1];
            for (int i = 0; i < length; i++)
            {
                row.Forward(x.AsSpan(i, 1), alone);
                Near.Same(alone, y.AsSpan(i, 1), $"{name}({x[i]:R}) at {i} of {length}");
                row.Back(x.AsSpan(i, 1), dy.AsSpan(i, 1), alone, false);
                Near.Same(alone, dx.AsSpan(i, 1), $"{name}'({x[i]:R}) at {i} of {length}");
            }
            row.Forward(x, x);
            Near.Same(y, x, $"{name} in place, {length}");
        }
    }

    [Fact]
    public void Scalar_and_vector_functions_have_the_same_bits()
    {
        if (!KernelPath.Available.Contains(KernelVariant.Avx2))
        {
            return;
        }
        Same<ExpOperator>();
        Same<SigmoidOperator>();
        Same<TanhOperator>();
        Same<ReluOperator>();
        Same<SiluOperator>();
        Same<GeluOperator>();
        Same<QuickGeluOperator>();
        Same<GeluTanhOperator>();

        static void Same<TOperator>()
            where TOperator : unmanaged, IUnary
        {
            // Every exponent and sign, NaN and both infinities included.
            float[] x = new float[1 << 16];
            for (int i = 0; i < x.Length; i++)
            {
                x[i] = BitConverter.Int32BitsToSingle((i << 16) | (i * 40503 & 0xFFFF));
            }
            float[] scalar = new float[x.Length];
            float[] wide = new float[x.Length];
            fixed (float* px = x, ps = scalar, pw = wide)
            {
                Map.Scalar(default(TOperator), px, ps, x.Length);
                Map.Wide(default(TOperator), px, pw, x.Length);
            }
            Near.Same(scalar, wide, typeof(TOperator).Name);
            if (KernelPath.Available.Contains(KernelVariant.Avx512))
            {
                fixed (float* px = x, pw = wide)
                {
                    // Sixteen, eight and a masked tail.
                    Map.Widest(default(TOperator), px + 1, pw + 1, x.Length - 4);
                }
                Near.Same(scalar, wide, $"{typeof(TOperator).Name}, 512 bits");
            }
        }
    }

    [Fact]
    public void Exp_treats_its_ends_as_documented()
    {
        float[] x = [float.NaN, float.PositiveInfinity, float.NegativeInfinity, 0f, -0f, -87.31f, -1000f, 88.722f, 88.73f, 1e30f, -1e30f];
        float[] y = new float[x.Length];
        Elementwise.Exp(x, y);
        Assert.True(float.IsNaN(y[0]));
        Assert.Equal([float.PositiveInfinity, 0f, 1f, 1f, 0f, 0f], y[1..7]);
        Assert.True(float.IsFinite(y[7]));
        Assert.Equal([float.PositiveInfinity, float.PositiveInfinity, 0f], y[8..]);
    }

    [Fact]
    public void Erf_is_within_two_ulps()
    {
        for (double x = -5; x < 5; x += 0.00037)
        {
            float found = LaneMath.Erf(new One((float)x)).Value;
            double ulps = Near.Ulps(Oracle.Erf((float)x), found);
            Assert.True(ulps <= 2, $"erf({(float)x:R}) = {found:R} is {ulps:F2} ulp away");
        }
        Assert.Equal(1f, LaneMath.Erf(new One(float.PositiveInfinity)).Value);
        Assert.Equal(-1f, LaneMath.Erf(new One(float.NegativeInfinity)).Value);
        Assert.True(float.IsNaN(LaneMath.Erf(new One(float.NaN)).Value));
    }

    [Fact]
    public void Arithmetic_is_exact_at_every_length()
    {
        Seeded random = new(5);
        for (int n = 0; n <= 70; n++)
        {
            float[] x = random.Array(n);
            float[] y = random.Array(n);
            float[] z = random.Array(n);
            // One element more, which must stay.
            float[] to = new float[n + 1];
            to[n] = 7;
            void Check(Func<int, float> expected, string what)
            {
                for (int i = 0; i < n; i++)
                {
                    Assert.True(expected(i).Equals(to[i]), $"{what} at {i} of {n}: {to[i]:R}, expected {expected(i):R}");
                }
                Assert.Equal(7, to[n]);
            }
            Span<float> result = to.AsSpan(0, n);
            Elementwise.Add(x, y, result);
            Check(i => x[i] + y[i], "add");
            Elementwise.Subtract(x, y, result);
            Check(i => x[i] - y[i], "subtract");
            Elementwise.Multiply(x, y, result);
            Check(i => x[i] * y[i], "multiply");
            Elementwise.Scale(x, 0.3f, result);
            Check(i => x[i] * 0.3f, "scale");
            z.CopyTo(to, 0);
            Elementwise.AddScaled(0.3f, x, result);
            Check(i => MathF.FusedMultiplyAdd(0.3f, x[i], z[i]), "add scaled");
            z.CopyTo(to, 0);
            Elementwise.MultiplyAdd(x, y, result);
            Check(i => MathF.FusedMultiplyAdd(x[i], y[i], z[i]), "multiply-add");
        }
    }

    [Theory]
    [InlineData(1)]
    [InlineData(13)]
    [InlineData(70_001)]
    public void SwiGlu_and_its_gradients(int n)
    {
        Seeded random = new(17);
        float[] gate = random.Array(n, 5);
        float[] up = random.Array(n);
        float[] dy = random.Array(n);
        float[] y = new float[n];
        float[] dGate = new float[n];
        Elementwise.SwiGlu(gate, up, y);
        // dUp overwrites up, as a caller short of memory does.
        float[] dUp = [.. up];
        Elementwise.SwiGluBackward(gate, dUp, dy, dGate, dUp);
        for (int i = 0; i < n; i++)
        {
            double s = 1 / (1 + Math.Exp(-gate[i]));
            Near.Check(gate[i] * s * up[i], y[i], 5e-7, 1e-30, $"y[{i}]");
            Near.Check(dy[i] * gate[i] * s, dUp[i], 5e-7, 1e-30, $"dUp[{i}]");
            Near.Check(dy[i] * up[i] * s * (1 + (gate[i] * (1 - s))), dGate[i], 3e-6, 1e-7, $"dGate[{i}]");
        }
    }

    [Fact]
    public void Rows_are_broadcast()
    {
        Seeded random = new(23);
        foreach ((int rows, int width) in new[] { (1, 1), (3, 7), (40, 33), (50, 1000) })
        {
            float[] row = random.Array(width);
            float[] y = random.Array(rows * width);
            float[] sum = [.. y];
            float[] product = [.. y];
            Elementwise.AddRow(row, sum, width);
            Elementwise.ScaleRows(row, product, width);
            for (int i = 0; i < y.Length; i++)
            {
                Assert.Equal(y[i] + row[i % width], sum[i]);
                Assert.Equal(y[i] * row[i % width], product[i]);
            }
        }
    }

    [Fact]
    public void Wrong_lengths_and_overlaps_are_refused()
    {
        float[] x = new float[8];
        Assert.Contains("y holds 4 elements, expected 8", Assert.Throws<ArgumentException>(() => Elementwise.Add(x, x.AsSpan(4), x)).Message);
        Assert.Throws<ArgumentException>(() => Elementwise.Silu(x, new float[7]));
        Assert.Contains("offset", Assert.Throws<ArgumentException>(() => Elementwise.Silu(x.AsSpan(0, 7), x.AsSpan(1))).Message);
        Assert.Throws<ArgumentException>(() => Elementwise.AddRow(new float[3], x, 3));
        Assert.Throws<ArgumentOutOfRangeException>(() => Elementwise.AddRow(new float[3], x, 0));
        Assert.Throws<ArgumentException>(() => Elementwise.SwiGluBackward(x, x, x, x, x));
    }
}
