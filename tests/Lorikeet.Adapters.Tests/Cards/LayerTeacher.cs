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
        int inputs = bench.Model.Layer.Inputs, rows = 4 * inputs;
        JsonObject config = JsonNode.Parse(options)!.AsObject();
        config["target_modules"] = new JsonArray("layer");
        using TrainedAdapter adapter = AdapterMethods.Find(method).Create(method, bench.Model, config, new CounterRandom(5));
        TinyAdam adam = new(adapter, rate);
        float[] x = LayerBench.Normal(31, "x", rows * inputs), target = bench.Dense(x, rows, teacher);
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
}
