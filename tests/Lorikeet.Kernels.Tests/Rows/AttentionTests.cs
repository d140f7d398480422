namespace Lorikeet.Kernels.Tests.Rows;

public sealed class AttentionTests
{
    // Attention by its definition, in double, sequences one after another.
    private static double[] Reference(AttentionShape s, float[] slopes, int[] lengths, double[] q, double[] k, double[] v)
    {
        int qw = s.Heads * s.HeadDim, kw = s.KeyHeads * s.HeadDim, start = 0;
        double[] y = new double[q.Length];
        foreach (int length in lengths)
        {
            for (int i = 0; i < length; i++)
            {
                for (int h = 0; h < s.Heads; h++)
                {
                    int key = h / (s.Heads / s.KeyHeads) * s.HeadDim;
                    int first = s.Window == 0 ? 0 : Math.Max(0, i - s.Window + 1);
                    double[] p = new double[i + 1];
                    for (int j = first; j <= i; j++)
                    {
                        for (int d = 0; d < s.HeadDim; d++)
                        {
                            p[j] += s.Scale * q[((start + i) * qw) + (h * s.HeadDim) + d] * k[((start + j) * kw) + key + d];
                        }
                        p[j] = s.Cap == 0 ? p[j] : s.Cap * Math.Tanh(p[j] / s.Cap);
                        // By the key's place alone: a softmax does not see what all scores of a row share.
                        p[j] += slopes.Length == 0 ? 0 : s.RoundsBias ? s.Scale * Rounded(slopes[h] * j) : slopes[h] * j;
                    }
                    double most = p[first..].Max();
                    double sum = 0;
                    for (int j = first; j <= i; j++)
                    {
                        sum += p[j] = Math.Exp(p[j] - most);
                    }
                    for (int j = first; j <= i; j++)
                    {
                        for (int d = 0; d < s.HeadDim; d++)
                        {
                            y[((start + i) * qw) + (h * s.HeadDim) + d] += p[j] / sum * v[((start + j) * kw) + key + d];
                        }
                    }
                }
            }
            start += length;
        }
        return y;
    }

    private static float Rounded(float value)
    {
        Span<byte> bytes = stackalloc byte[2];
        Casting.FromSingle([value], ElementType.BF16, bytes);
        Span<float> back = stackalloc float[1];
        Casting.ToSingle(bytes, ElementType.BF16, back);
        return back[0];
    }

    /// <summary>A shape, and the slopes of its heads: "cap", "slopes", "rounded" or any of them together.</summary>
    internal static (AttentionShape Shape, float[] Slopes) Bent(string how, int heads, int keyHeads, int headDim, float scale, int window)
    {
        AttentionShape shape = new(heads, keyHeads, headDim, scale, window)
        {
            Cap = how.Contains("cap", StringComparison.Ordinal) ? 0.7f : 0f,
            RoundsBias = how.Contains("rounded", StringComparison.Ordinal),
        };
        // Numbers that bf16 holds.
        float[] slopes = how.Contains("slopes", StringComparison.Ordinal) || shape.RoundsBias
            ? [.. Enumerable.Range(0, heads).Select(h => 0.4375f / (1 << (h % 6)))]
            : [];
        return (shape, slopes);
    }

    internal static AttentionSequence[] Sequences(params int[] lengths)
    {
        AttentionSequence[] sequences = new AttentionSequence[lengths.Length];
        int row = 0;
        for (int i = 0; i < lengths.Length; i++)
        {
            sequences[i] = new() { Row = row, Rows = lengths[i] };
            row += lengths[i];
        }
        return sequences;
    }

    public static TheoryData<int, int, int, int, int[], string> Shapes => new()
    {
        { 1, 1, 4, 0, [1], "" },
        { 9, 3, 64, 0, [70, 1, 33], "" },
        { 4, 4, 20, 0, [65, 40], "" },
        { 4, 2, 36, 17, [100, 5], "" },
        { 6, 1, 16, 1, [40], "" },
        { 8, 2, 128, 40, [129, 32], "" },
        { 100, 1, 8, 0, [35], "" },
        { 4, 2, 36, 17, [100, 5], "cap" },
        { 4, 1, 256, 0, [45, 3], "cap" },
        { 6, 6, 12, 0, [70, 33], "slopes" },
        { 4, 2, 20, 9, [50], "slopes and cap" },
        { 4, 4, 16, 0, [70, 2], "rounded" },
    };

    [Theory]
    [MemberData(nameof(Shapes))]
    public void Forward_matches_the_definition(int heads, int keyHeads, int headDim, int window, int[] lengths, string bent)
    {
        (AttentionShape shape, float[] slopes) = Bent(bent, heads, keyHeads, headDim, 1 / MathF.Sqrt(headDim), window);
        int rows = lengths.Sum();
        Seeded random = new(51);
        float[] q = random.Array(rows * heads * headDim, 2);
        float[] k = random.Array(rows * keyHeads * headDim, 2);
        float[] v = random.Array(k.Length);
        float[] y = new float[q.Length];
        float[] log = new float[rows * heads];
        Attention.Forward(shape, Sequences(lengths), q, k, v, y, log, slopes);
        Near.Check(Reference(shape, slopes, lengths, Near.Widen(q), Near.Widen(k), Near.Widen(v)), y, 1e-5, 1e-6, "y");

        if (KernelPath.Available.Contains(KernelVariant.Avx2))
        {
            float[] scalar = new float[q.Length];
            float[] scalarLog = new float[log.Length];
            Attention.Forward<ScalarTiles>(shape, Sequences(lengths), q, k, v, scalar, scalarLog, slopes);
            float[] wide = new float[q.Length];
            Attention.Forward<Avx2Tiles>(shape, Sequences(lengths), q, k, v, wide, log, slopes);
            Near.Same(scalar, wide, "variants");
            Near.Same(scalarLog, log, "variants' logarithms");
            if (KernelPath.Available.Contains(KernelVariant.Avx512))
            {
                Attention.Forward<Avx512Tiles>(shape, Sequences(lengths), q, k, v, wide, log, slopes);
                Near.Same(scalar, wide, "variants, 512 bits");
                Near.Same(scalarLog, log, "variants' logarithms, 512 bits");
            }
        }
    }

    [Theory]
    [InlineData(2, 1, 4, 0, new[] { 5, 1 }, "")]
    [InlineData(3, 3, 9, 0, new[] { 34 }, "")]
    [InlineData(6, 2, 8, 5, new[] { 20, 3 }, "")]
    [InlineData(2, 1, 8, 33, new[] { 70 }, "")]
    [InlineData(3, 3, 9, 0, new[] { 34 }, "cap")]
    [InlineData(6, 2, 8, 5, new[] { 20, 3 }, "slopes and cap")]
    [InlineData(2, 2, 8, 0, new[] { 40 }, "slopes")]
    [InlineData(2, 1, 8, 0, new[] { 40 }, "rounded")]
    [InlineData(2, 1, 256, 0, new[] { 5 }, "cap")]
    public void Backward_matches_central_differences(int heads, int keyHeads, int headDim, int window, int[] lengths, string bent)
    {
        (AttentionShape shape, float[] slopes) = Bent(bent, heads, keyHeads, headDim, 0.6f, window);
        int rows = lengths.Sum();
        Seeded random = new(52);
        float[] q = random.Array(rows * heads * headDim);
        float[] k = random.Array(rows * keyHeads * headDim);
        float[] v = random.Array(k.Length);
        float[] dy = random.Array(q.Length);
        float[] y = new float[q.Length];
        float[] log = new float[rows * heads];
        Attention.Forward(shape, Sequences(lengths), q, k, v, y, log, slopes);
        float[] dq = Poison(q.Length), dk = Poison(k.Length), dv = Poison(k.Length);
        Attention.Backward(shape, Sequences(lengths), q, k, v, y, log, dy, dq, dk, dv, slopes);
        double[] wq = Near.Widen(q), wk = Near.Widen(k), wv = Near.Widen(v);
        Sample(a => Loss(a, wk, wv), q, dq, "dq");
        Sample(a => Loss(wq, a, wv), k, dk, "dk");
        Sample(a => Loss(wq, wk, a), v, dv, "dv");

        double Loss(double[] a, double[] b, double[] c) => Reference(shape, slopes, lengths, a, b, c).Select((value, i) => value * dy[i]).Sum();

        // All elements of small cases, and a spread of larger ones.
        void Sample(Func<double[], double> loss, float[] at, float[] gradient, string what)
        {
            double[] x = Near.Widen(at);
            Assert.All(gradient, g => Assert.True(float.IsFinite(g), $"{what} was not written everywhere"));
            int step = Math.Max(1, x.Length / 150);
            for (int i = 0; i < x.Length; i += step)
            {
                double held = x[i];
                x[i] = held + 1e-5;
                double above = loss(x);
                x[i] = held - 1e-5;
                double below = loss(x);
                x[i] = held;
                Near.Check((above - below) / 2e-5, gradient[i], 3e-6, 3e-6, $"{what}[{i}]");
            }
        }
    }

    [Theory]
    [MemberData(nameof(Shapes))]
    public void Backward_has_the_same_bits_in_both_variants_and_alone(int heads, int keyHeads, int headDim, int window, int[] lengths, string bent)
    {
        (AttentionShape shape, float[] slopes) = Bent(bent, heads, keyHeads, headDim, 1 / MathF.Sqrt(headDim), window);
        int rows = lengths.Sum();
        Seeded random = new(53);
        float[] q = random.Array(rows * heads * headDim);
        float[] k = random.Array(rows * keyHeads * headDim);
        float[] v = random.Array(k.Length);
        float[] dy = random.Array(q.Length);
        float[] y = new float[q.Length];
        float[] log = new float[rows * heads];
        Attention.Forward(shape, Sequences(lengths), q, k, v, y, log, slopes);
        float[] dq = Poison(q.Length), dk = Poison(k.Length), dv = Poison(k.Length);
        Attention.Backward(shape, Sequences(lengths), q, k, v, y, log, dy, dq, dk, dv, slopes);
        float[] eq = Poison(q.Length), ek = Poison(k.Length), ev = Poison(k.Length);
        Attention.Backward<ScalarTiles>(shape, Sequences(lengths), q, k, v, y, log, dy, eq, ek, ev, slopes);
        Near.Same(eq, dq, "dq");
        Near.Same(ek, dk, "dk");
        Near.Same(ev, dv, "dv");
        if (KernelPath.Available.Contains(KernelVariant.Avx512))
        {
            Attention.Backward<Avx512Tiles>(shape, Sequences(lengths), q, k, v, y, log, dy, dq, dk, dv, slopes);
            Near.Same(eq, dq, "dq, 512 bits");
            Near.Same(ek, dk, "dk, 512 bits");
            Near.Same(ev, dv, "dv, 512 bits");
        }
        // The first sequence alone, and its rows among others.
        int own = lengths[0], qs = own * heads * headDim, ks = own * keyHeads * headDim;
        float[] aq = Poison(qs), ak = Poison(ks), av = Poison(ks);
        Attention.Backward(
            shape, Sequences(own), q.AsSpan(0, qs), k.AsSpan(0, ks), v.AsSpan(0, ks), y.AsSpan(0, qs), log.AsSpan(0, own * heads),
            dy.AsSpan(0, qs), aq, ak, av, slopes);
        Near.Same(dq.AsSpan(0, qs), aq, "dq alone");
        Near.Same(dk.AsSpan(0, ks), ak, "dk alone");
        Near.Same(dv.AsSpan(0, ks), av, "dv alone");
    }

    [Theory]
    [InlineData("")]
    [InlineData("slopes and cap")]
    public void What_a_query_does_not_see_does_not_matter(string bent)
    {
        (AttentionShape shape, float[] slopes) = Bent(bent, 2, 1, 8, 0.3f, 6);
        const int Rows = 50;
        Seeded random = new(54);
        float[] q = random.Array(Rows * 16);
        float[] k = random.Array(Rows * 8);
        float[] v = random.Array(Rows * 8);
        float[] clean = new float[q.Length];
        Attention.Forward(shape, Sequences(Rows), q, k, v, clean, [], slopes);
        k.AsSpan(20 * 8, 8).Fill(float.NaN);
        v.AsSpan(20 * 8, 8).Fill(float.NaN);
        float[] y = new float[q.Length];
        Attention.Forward(shape, Sequences(Rows), q, k, v, y, [], slopes);
        for (int i = 0; i < Rows; i++)
        {
            if (i is >= 20 and < 26)
            {
                Assert.True(float.IsNaN(y[i * 16]), $"row {i} sees NaN and hides it");
            }
            else
            {
                Near.Same(clean.AsSpan(i * 16, 16), y.AsSpan(i * 16, 16), $"row {i}");
            }
        }
    }

    [Fact]
    public void Wrong_input_is_refused()
    {
        Assert.Throws<ArgumentException>(() => new AttentionShape(3, 2, 8, 1, 0));
        Assert.Throws<ArgumentOutOfRangeException>(() => new AttentionShape(2, 2, 1024, 1, 0));
        AttentionShape shape = new(2, 1, 4, 1, 0);
        float[] q = new float[16], k = new float[8], v = new float[8], y = new float[16];
        Assert.Contains("sequence 0", Assert.Throws<ArgumentException>(() => Attention.Forward(shape, Sequences(3), q, k, v, y, [])).Message);
        Assert.Throws<ArgumentException>(() => Attention.Forward(shape, Sequences(2), q, k, v.AsSpan(4), y, []));
        Assert.Throws<ArgumentException>(() => Attention.Forward(shape, Sequences(2), q, k, v, q, []));
        Assert.Throws<ArgumentException>(() => Attention.Forward(shape, Sequences(2), q, k, v, y, [], [1f]));
        Assert.Throws<ArgumentOutOfRangeException>(() => shape with { Cap = float.NaN });
        Assert.Throws<ArgumentException>(() => Attention.Forward(default, Sequences(2), q, k, v, y, []));
    }

    private static float[] Poison(int length)
    {
        float[] values = new float[length];
        Array.Fill(values, float.NaN);
        return values;
    }
}
