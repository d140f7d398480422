using Lorikeet.Kernels;

namespace Lorikeet.Tensors.Tests;

/// <summary>The ops' formulas in float64, one loop at a time.</summary>
internal static class Oracle
{
    public static double[] Product(double[] a, bool transposeA, double[] b, bool transposeB, int m, int n, int k, double scale = 1)
    {
        double[] c = new double[m * n];
        for (int i = 0; i < m; i++)
        {
            for (int j = 0; j < n; j++)
            {
                double sum = 0;
                for (int l = 0; l < k; l++)
                {
                    sum += a[transposeA ? (l * m) + i : (i * k) + l] * b[transposeB ? (j * k) + l : (l * n) + j];
                }
                c[(i * n) + j] = scale * sum;
            }
        }
        return c;
    }

    /// <summary>x W^T with W [outputs, inputs].</summary>
    public static double[] Linear(double[] x, double[] weight, int outputs)
    {
        int rows = x.Length / (weight.Length / outputs);
        return Product(x, false, weight, true, rows, outputs, weight.Length / outputs);
    }

    public static double[] Add(double[] x, double[] y) => [.. x.Select((v, i) => v + y[i])];

    public static double[] AddRow(double[] x, double[] row, double scale = 1) => [.. x.Select((v, i) => v + (scale * row[i % row.Length]))];

    public static double[] Multiply(double[] x, double[] y) => [.. x.Select((v, i) => v * y[i % y.Length])];

    public static double[] Scale(double[] x, double a) => [.. x.Select(v => v * a)];

    public static double Sigmoid(double x) => 1 / (1 + Math.Exp(-x));

    public static double[] SwiGlu(double[] gate, double[] up) => [.. gate.Select((g, i) => g * Sigmoid(g) * up[i])];

    public static double[] LowRank(double[] y, double[] x, double[] a, double[] b, int rank, double scale) =>
        Add(y, Scale(Linear(Linear(x, a, rank), b, b.Length / rank), scale));

    /// <summary>The probabilities of the k largest logits of each row, in the order of the experts.</summary>
    public static double[] Experts(double[] logits, int experts, int k, bool renormalise) => [.. logits.Chunk(experts).SelectMany(row =>
    {
        double[] p = [.. row.Select(l => Math.Exp(l) / row.Sum(Math.Exp))];
        double[] chosen = [.. Enumerable.Range(0, experts).OrderByDescending(e => row[e]).Take(k).Order().Select(e => p[e])];
        return chosen.Select(w => renormalise ? w / chosen.Sum() : w);
    })];

    public static double[] RmsNorm(double[] x, double[] weight, double eps) => EachRow(x, weight.Length, row =>
    {
        double inverse = 1 / Math.Sqrt((row.Sum(v => v * v) / row.Length) + eps);
        return [.. row.Select((v, c) => v * inverse * weight[c])];
    });

    public static double[] LayerNorm(double[] x, double[] weight, double[]? bias, double eps) => EachRow(x, weight.Length, row =>
    {
        double mean = row.Average();
        double inverse = 1 / Math.Sqrt((row.Sum(v => (v - mean) * (v - mean)) / row.Length) + eps);
        return [.. row.Select((v, c) => ((v - mean) * inverse * weight[c]) + (bias?[c] ?? 0))];
    });

    /// <summary>Erf by its power series: exact to float64 on [-3, 3].</summary>
    public static double Erf(double x)
    {
        double term = x, sum = x;
        for (int n = 1; n < 80; n++)
        {
            term *= -x * x / n;
            sum += term / ((2 * n) + 1);
        }
        return 2 / Math.Sqrt(Math.PI) * sum;
    }

    public static double Activate(ActivationKind kind, double x) => kind switch
    {
        ActivationKind.None => x,
        ActivationKind.Relu => Math.Max(x, 0),
        ActivationKind.Silu => x * Sigmoid(x),
        ActivationKind.Gelu => x / 2 * (1 + Erf(x / Math.Sqrt(2))),
        ActivationKind.QuickGelu => x * Sigmoid(1.702 * x),
        ActivationKind.GeluTanh => x / 2 * (1 + Math.Tanh(Math.Sqrt(2 / Math.PI) * (x + (0.044715 * x * x * x)))),
        ActivationKind.Sigmoid => Sigmoid(x),
        _ => Math.Tanh(x),
    };

    public static double[] Attention(
        double[] q, double[] k, double[] v, int heads, int keyHeads, int dim, double scale, int window, params int[] lengths)
    {
        double[] y = new double[q.Length];
        int first = 0;
        foreach (int length in lengths)
        {
            for (int i = 0; i < length; i++)
            {
                for (int h = 0; h < heads; h++)
                {
                    int from = window == 0 ? 0 : Math.Max(0, i - window + 1), key = h / (heads / keyHeads);
                    double[] e = new double[length];
                    double sum = 0;
                    for (int j = from; j <= i; j++)
                    {
                        double score = 0;
                        for (int d = 0; d < dim; d++)
                        {
                            score += q[((first + i) * heads * dim) + (h * dim) + d] * k[((first + j) * keyHeads * dim) + (key * dim) + d];
                        }
                        e[j] = Math.Exp(scale * score);
                        sum += e[j];
                    }
                    for (int j = from; j <= i; j++)
                    {
                        for (int d = 0; d < dim; d++)
                        {
                            y[((first + i) * heads * dim) + (h * dim) + d] += e[j] / sum * v[((first + j) * keyHeads * dim) + (key * dim) + d];
                        }
                    }
                }
            }
            first += length;
        }
        return y;
    }

    public static double[] Rotary(double[] x, double[] cos, double[] sin, int rows, int heads, bool interleaved)
    {
        double[] y = [.. x];
        int dim = x.Length / rows / heads, half = cos.Length / rows;
        for (int i = 0; i < rows; i++)
        {
            for (int h = 0; h < heads; h++)
            {
                for (int p = 0; p < half; p++)
                {
                    int at = ((i * heads) + h) * dim;
                    int a = at + (interleaved ? 2 * p : p), b = at + (interleaved ? (2 * p) + 1 : p + half);
                    double c = cos[(i * half) + p], s = sin[(i * half) + p];
                    (y[a], y[b]) = ((x[a] * c) - (x[b] * s), (x[b] * c) + (x[a] * s));
                }
            }
        }
        return y;
    }

    public static double[] Hadamard(double[] x, double[] weight, double[] a, double[] b, int rank, double scale)
    {
        int inputs = b.Length / rank, outputs = a.Length / rank, rows = x.Length / inputs;
        double[] y = new double[rows * outputs];
        for (int j = 0; j < rank; j++)
        {
            double[] u = Linear(Multiply(x, b[(j * inputs)..((j + 1) * inputs)]), weight, outputs);
            y = Add(y, Scale(Multiply(u, a[(j * outputs)..((j + 1) * outputs)]), scale));
        }
        return y;
    }

    public static double CrossEntropy(double[] logits, int vocabulary, int[] targets, float[] weights)
    {
        double sum = 0;
        for (int i = 0; i < targets.Length; i++)
        {
            if (targets[i] >= 0)
            {
                double[] row = logits[(i * vocabulary)..((i + 1) * vocabulary)];
                sum += weights[i] * (Math.Log(row.Sum(Math.Exp)) - row[targets[i]]);
            }
        }
        return sum;
    }

    private static double[] EachRow(double[] x, int width, Func<double[], double[]> map)
    {
        List<double> y = [];
        for (int at = 0; at < x.Length; at += width)
        {
            y.AddRange(map(x[at..(at + width)]));
        }
        return [.. y];
    }
}
