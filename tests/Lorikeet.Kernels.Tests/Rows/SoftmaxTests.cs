namespace Lorikeet.Kernels.Tests.Rows;

public sealed class SoftmaxTests
{
    private static double[] Reference(double[] x, int width)
    {
        double[] y = new double[x.Length];
        for (int at = 0; at < x.Length; at += width)
        {
            double most = x.AsSpan(at, width).ToArray().Max();
            double sum = 0;
            for (int c = 0; c < width; c++)
            {
                sum += y[at + c] = Math.Exp(x[at + c] - most);
            }
            for (int c = 0; c < width; c++)
            {
                y[at + c] /= sum;
            }
        }
        return y;
    }

    [Theory]
    [InlineData(3, 1)]
    [InlineData(4, 7)]
    [InlineData(2, 33)]
    [InlineData(60, 1000)]
    public void Forward_backward_and_log_sum(int rows, int width)
    {
        Seeded random = new(9);
        float[] x = random.Array(rows * width, 8);
        float[] y = new float[x.Length];
        Softmax.Rows(x, width, y);
        Near.Check(Reference(Near.Widen(x), width), y, 2e-6, 1e-30, "softmax");

        float[] log = new float[rows];
        Softmax.LogSumExpRows(x, width, log);
        for (int i = 0; i < rows; i++)
        {
            double sum = 0;
            foreach (float v in x.AsSpan(i * width, width))
            {
                sum += Math.Exp(v);
            }
            Near.Check(Math.Log(sum), log[i], 1e-6, 1e-6, "log-sum-exp");
        }

        float[] dy = random.Array(x.Length);
        float[] dx = [.. dy];
        Softmax.RowsBackward(y, dx, width, dx);
        if (x.Length < 100)
        {
            Near.Gradient(
                at =>
                {
                    double[] p = Reference(at, width);
                    return p.Select((v, i) => v * dy[i]).Sum();
                },
                x, dx, 2e-6, "softmax gradient");
        }
    }

    [Fact]
    public void Special_values()
    {
        float inf = float.PositiveInfinity;
        float[] y = new float[8];
        Softmax.Rows([1f, -inf, 1f, -inf, float.NaN, 1f, 2f, 3f], 4, y);
        Assert.Equal([0.5f, 0f, 0.5f, 0f], y[..4]);
        Assert.All(y[4..], v => Assert.True(float.IsNaN(v)));
        float[] log = new float[4];
        Softmax.LogSumExpRows([-inf, -inf, inf, 1f, float.NaN, inf, 1000f, 1000f], 2, log);
        Assert.Equal(-inf, log[0]);
        Assert.Equal(inf, log[1]);
        Assert.True(float.IsNaN(log[2]));
        Near.Check(1000 + Math.Log(2), log[3], 1e-7, 0, "large");
    }

    [Fact]
    public void Cross_entropy_and_its_gradient()
    {
        const int Rows = 6;
        const int Vocab = 53;
        Seeded random = new(10);
        float[] logits = random.Array(Rows * Vocab, 6);
        int[] targets = [0, 52, -1, 17, -100, 17];
        float[] weights = [1f, 0.5f, 3f, 2f, 1f, 0f];
        // A row without a target may hold anything.
        logits.AsSpan(2 * Vocab, Vocab).Fill(float.NaN);
        double Loss(double[] x, bool weighted)
        {
            double total = 0;
            for (int i = 0; i < Rows; i++)
            {
                if (targets[i] >= 0)
                {
                    double sum = 0;
                    for (int c = 0; c < Vocab; c++)
                    {
                        sum += Math.Exp(x[(i * Vocab) + c]);
                    }
                    total += (Math.Log(sum) - x[(i * Vocab) + targets[i]]) * (weighted ? weights[i] : 1);
                }
            }
            return total;
        }
        float[] losses = new float[Rows];
        float[] kept = [.. logits];
        CrossEntropy.Rows(logits, Vocab, targets, weights, losses, false);
        Near.Same(kept, logits, "logits without a gradient");
        Near.Check(Loss(Near.Widen(kept), false), losses.Sum(), 1e-6, 0, "loss");
        Assert.Equal(0f, losses[2]);
        float[] again = new float[Rows];
        CrossEntropy.Rows(logits, Vocab, targets, weights, again, true);
        Near.Same(losses, again, "losses with the gradient");
        Near.Gradient(x => Loss(x, true), kept, logits, 1e-6, "gradient");

        float[] plain = [.. kept];
        CrossEntropy.Rows(plain, Vocab, targets, [], again, true);
        Near.Gradient(x => Loss(x, false), kept, plain, 1e-6, "gradient without weights");
        Assert.Contains("target 53 of row 0", Assert.Throws<ArgumentException>(
            () => CrossEntropy.Rows(new float[53], 53, [53], [], new float[1], false)).Message);
    }

    [Theory]
    [InlineData(0.1f, 0f)]
    [InlineData(0f, 0.01f)]
    [InlineData(0.3f, 0.02f)]
    public void Smoothing_and_z_loss_are_added_with_their_gradients(float smoothing, float coefficient)
    {
        const int Vocab = 37;
        float[] logits = new Seeded(11).Array(3 * Vocab, 3), kept = [.. logits], losses = new float[3];
        int[] targets = [5, -1, 36];
        double Loss(double[] x)
        {
            double total = 0;
            for (int i = 0; i < 3; i++)
            {
                if (targets[i] >= 0)
                {
                    double[] row = x[(i * Vocab)..((i + 1) * Vocab)];
                    double all = Math.Log(row.Sum(Math.Exp));
                    total += ((1 - smoothing) * (all - row[targets[i]])) + (smoothing * (all - row.Average())) + (coefficient * all * all);
                }
            }
            return total;
        }
        CrossEntropy.Rows(logits, Vocab, targets, [], losses, true, new CrossEntropyTerms(smoothing, coefficient));
        Near.Check(Loss(Near.Widen(kept)), losses.Sum(), 1e-6, 0, "loss");
        Near.Gradient(Loss, kept, logits, 1e-6, "gradient");
        Assert.Equal(0f, losses[1]);
    }

    [Fact]
    public void Cross_entropy_survives_extreme_logits()
    {
        float[] logits = [1e4f, -1e4f, 0f, -3e38f, 3e38f, 0f];
        float[] losses = new float[2];
        CrossEntropy.Rows(logits, 3, [1, 1], [], losses, true);
        Assert.Equal([2e4f, 0f], losses);
        Assert.Equal([1f, -1f, 0f, 0f, 0f, 0f], logits);
    }
}
