using System.Text.Json.Nodes;
using Lorikeet.Adapters.Tests.Contract;
using Lorikeet.Models;
using Lorikeet.Tensors;

namespace Lorikeet.Adapters.Tests.Cards;

/// <summary>A frozen layer whose adapter learns another layer's answers.</summary>
internal static class LayerTeacher
{
    /// <summary>Mean square error after training, as a share of the error of the bare layer.</summary>
    public static double Train(LayerBench bench, float[] teacher, string method, string options, double rate, int steps = 600)
    {
        using TrainedAdapter adapter = Make(bench, method, options);
        return Train(bench, teacher, adapter, rate, steps);
    }

    /// <summary>A fresh adapter of the layer.</summary>
    public static TrainedAdapter Make(LayerBench bench, string method, string options)
    {
        JsonObject config = JsonNode.Parse(options)!.AsObject();
        config["target_modules"] = new JsonArray("layer");
        return AdapterMethods.Find(method).Create(method, bench.Model, config, new CounterRandom(5));
    }

    /// <summary>As the other overload, of an adapter that exists.</summary>
    public static double Train(LayerBench bench, float[] teacher, Adapter adapter, double rate, int steps = 600)
    {
        TinyAdam adam = new(adapter, rate);
        (float[] x, int rows) = Inputs(bench);
        float[] target = bench.Dense(x, rows, teacher);
        double start = 0, error = 0;
        for (int step = 0; step <= steps; step++)
        {
            float[] y = bench.Forward(x, rows, adapter, own: true), gradient = new float[y.Length];
            error = 0;
            for (int i = 0; i < y.Length; i++)
            {
                double d = y[i] - target[i];
                error += d * d / y.Length;
                gradient[i] = (float)(2 * d / y.Length);
            }
            start = step == 0 ? error : start;
            bench.Backward(x, rows, adapter, gradient);
            adam.Step(0.5 * (1 + Math.Cos(Math.PI * step / steps)));
        }
        return error / start;
    }

    /// <summary>The least that a change of a rank can leave, as a share of the error of the bare layer: the energy of the singular values beyond it.</summary>
    /// <remarks>
    /// The error of a change M is |X (T - W - M)^T|^2. X has full column rank, so X M^T is any matrix of that rank in X's column space, where
    /// X (T - W)^T lies; by Eckart and Young the best leaves the squares of the other singular values. Those come from power iterations in double.
    /// </remarks>
    public static double BestOfRank(LayerBench bench, ReadOnlySpan<float> teacher, int rank)
    {
        int outputs = bench.Model.Layer.Outputs;
        (float[] x, int rows) = Inputs(bench);
        float[] target = bench.Dense(x, rows, teacher), plain = bench.Dense(x, rows, bench.Weight);
        double[] gram = new double[outputs * outputs];
        for (int i = 0; i < outputs; i++)
        {
            for (int j = 0; j < outputs; j++)
            {
                for (int row = 0; row < rows; row++)
                {
                    int at = row * outputs;
                    gram[(i * outputs) + j] += ((double)target[at + i] - plain[at + i]) * ((double)target[at + j] - plain[at + j]);
                }
            }
        }
        double all = Trace(gram, outputs);
        for (int k = 0; k < rank; k++)
        {
            Deflate(gram, outputs);
        }
        return Trace(gram, outputs) / all;
    }

    /// <summary>W + a product of random factors of a rank, with singular values of about the given size.</summary>
    public static float[] PlusLowRank(LayerBench bench, ReadOnlySpan<float> weight, int rank, float size, ulong seed = 3)
    {
        int outputs = bench.Model.Layer.Outputs, inputs = bench.Model.Layer.Inputs;
        float[] a = LayerBench.Normal(seed, "teacher.A", rank * inputs), b = LayerBench.Normal(seed, "teacher.B", outputs * rank, size);
        float[] sum = weight.ToArray();
        for (int o = 0; o < outputs; o++)
        {
            for (int k = 0; k < inputs; k++)
            {
                for (int j = 0; j < rank; j++)
                {
                    sum[(o * inputs) + k] += b[(o * rank) + j] * a[(j * inputs) + k];
                }
            }
        }
        return sum;
    }

    private static (float[] X, int Rows) Inputs(LayerBench bench)
    {
        int inputs = bench.Model.Layer.Inputs, rows = 4 * inputs;
        return (LayerBench.Normal(31, "x", rows * inputs), rows);
    }

    private static double Trace(double[] matrix, int size) => Enumerable.Range(0, size).Sum(i => matrix[(i * size) + i]);

    /// <summary>Takes the largest eigenvalue and its vector out of a symmetric matrix.</summary>
    private static void Deflate(double[] matrix, int size)
    {
        double[] v = [.. Enumerable.Range(0, size).Select(i => 1.0 + (i % 3))];
        double value = 0;
        for (int turn = 0; turn < 2000; turn++)
        {
            double[] next = new double[size];
            for (int i = 0; i < size; i++)
            {
                for (int j = 0; j < size; j++)
                {
                    next[i] += matrix[(i * size) + j] * v[j];
                }
            }
            value = Math.Sqrt(next.Sum(n => n * n));
            v = [.. next.Select(n => n / value)];
        }
        for (int i = 0; i < size; i++)
        {
            for (int j = 0; j < size; j++)
            {
                matrix[(i * size) + j] -= value * v[i] * v[j];
            }
        }
    }
}
