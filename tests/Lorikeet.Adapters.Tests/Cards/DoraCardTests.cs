using System.Text.Json.Nodes;
using Lorikeet.Adapters.Tests.Contract;
using Lorikeet.Models;
using Lorikeet.Tensors;
using Xunit.Abstractions;

namespace Lorikeet.Adapters.Tests.Cards;

/// <summary>DoRA's card, checks 1, 2, 4 and 7, on one layer against the formula in double.</summary>
public sealed class DoraCardTests(ITestOutputHelper output)
{
    private const int Outputs = 14, Inputs = 12, Rank = 3, Rows = 5;
    private const double Scale = 2;

    [Fact]
    [Trait("Card", "DoRA 1")]
    public void At_the_start_every_factor_is_one()
    {
        using LayerBench bench = new(Outputs, Inputs);
        using TrainedAdapter adapter = AdapterMethods.Find("dora").Create(
            "dora", bench.Model, new JsonObject { ["r"] = Rank, ["target_modules"] = new JsonArray("layer") }, new CounterRandom(1));
        float[] factors = adapter.Form(bench.Model.Layer)!.Post.Span.ToArray();
        Assert.Equal(Outputs, factors.Length);
        Assert.All(factors, c => Assert.InRange(c, 1 - 1e-6f, 1 + 1e-6f));
        float[] x = LayerBench.Normal(1, "x", Rows * Inputs), plain = bench.Forward(x, Rows, null);
        Assert.InRange(Bench.Difference(bench.Forward(x, Rows, adapter), plain), 0, 1e-6);
        Assert.InRange(Bench.Difference(bench.Forward(x, Rows, adapter, own: true), plain), 0, 1e-6);
    }

    [Fact]
    [Trait("Card", "DoRA 1")]
    [Trait("Card", "DoRA 2")]
    public void Forward_form_and_merged_weight_are_the_formula_and_rows_have_the_trained_length()
    {
        using LayerBench bench = new(Outputs, Inputs);
        using TrainedAdapter adapter = Make(bench);
        (double[] v, double[] n) = Direction(bench, adapter);
        float[] m = Values(adapter, 2), explicitWeight = new float[v.Length], merged = [.. bench.Weight];
        for (int i = 0; i < v.Length; i++)
        {
            explicitWeight[i] = (float)(m[i / Inputs] / n[i / Inputs] * v[i]);
        }
        float[] x = LayerBench.Normal(1, "x", Rows * Inputs), expected = bench.Dense(x, Rows, explicitWeight);
        Assert.InRange(Bench.Difference(bench.Forward(x, Rows, adapter), expected), 0, 1e-5);
        Assert.InRange(Bench.Difference(bench.Forward(x, Rows, adapter, own: true), expected), 0, 1e-5);
        Assert.True(adapter[bench.Model.Layer]!.Merge(bench.Model.Layer, merged, [.. bench.Bias!]));
        Assert.InRange(Bench.Difference(merged, explicitWeight), 0, 1e-5);
        for (int o = 0; o < Outputs; o++)
        {
            double square = 0;
            for (int k = 0; k < Inputs; k++)
            {
                square += (double)merged[(o * Inputs) + k] * merged[(o * Inputs) + k];
            }
            Assert.InRange(Math.Abs(Math.Sqrt(square) / Math.Abs(m[o]) - 1), 0, 1e-5);
        }
    }

    [Fact]
    public void A_row_of_zeros_is_left_alone()
    {
        using LayerBench bench = new(Outputs, Inputs);
        float[] weight = [.. bench.Weight];
        weight.AsSpan(0, Inputs).Clear();
        using OneLayer model = OneLayer.Of(new DenseWeight(weight, Outputs, Inputs));
        JsonObject config = new() { ["r"] = Rank, ["target_modules"] = new JsonArray("layer") };
        using TrainedAdapter adapter = AdapterMethods.Find("dora").Create("dora", model, config, new CounterRandom(1));
        using ModelRun run = new() { Plan = BatchPlan.For(adapter, 1) };
        Tensor x = run.Allocate(1, Inputs);
        x.Span.Fill(1f);
        Assert.All(model.Logits(run, x).Span.ToArray(), y => Assert.True(float.IsFinite(y)));
    }

    [Fact]
    [Trait("Card", "DoRA 4")]
    public void Gradients_hold_the_norm_constant()
    {
        using LayerBench bench = new(Outputs, Inputs);
        using TrainedAdapter adapter = Make(bench);
        float[] x = LayerBench.Normal(1, "x", Rows * Inputs), gy = LayerBench.Normal(2, "gy", Rows * Outputs);
        bench.Backward(x, Rows, adapter, gy);
        (_, double[] frozen) = Direction(bench, adapter);
        int p = 0;
        foreach (Parameter parameter in adapter.Parameters)
        {
            float[] held = new float[parameter.Value.Shape.Length], full = new float[held.Length];
            for (int i = 0; i < held.Length; i++)
            {
                held[i] = (float)Slope(() => Loss(bench, adapter, x, gy, frozen), parameter, i);
                full[i] = (float)Slope(() => Loss(bench, adapter, x, gy, Direction(bench, adapter).N), parameter, i);
            }
            Assert.InRange(Bench.Difference(parameter.Gradient.Span, held), 0, 1e-4);
            // The magnitude does not move the norm; A and B do.
            Assert.Equal(p == 2, Bench.Difference(parameter.Gradient.Span, full) < 1e-3);
            p++;
        }
    }

    [Fact]
    [Trait("Category", "Slow")]
    [Trait("Card", "DoRA 7")]
    public void A_teacher_of_rescaled_rows_is_DoRAs()
    {
        using LayerBench bench = new(32, 24);
        float[] lengths = LayerBench.Normal(8, "lengths", 32, 0.4f), rescaled = [.. bench.Weight];
        for (int i = 0; i < rescaled.Length; i++)
        {
            rescaled[i] *= 1 + lengths[i / 24];
        }
        float[] teacher = LayerTeacher.PlusLowRank(bench, rescaled, 2, 0.2f);
        using TrainedAdapter two = LayerTeacher.Make(bench, "lora", """{"r": 2, "lora_alpha": 4}"""), four = LayerTeacher.Make(bench, "lora", """{"r": 4, "lora_alpha": 8}""");
        using TrainedAdapter dora = LayerTeacher.Make(bench, "dora", """{"r": 2, "lora_alpha": 4}""");
        Assert.True(dora.ParameterCount < four.ParameterCount);
        double own = LayerTeacher.Train(bench, teacher, dora, 0.05, 1500);
        double loraTwo = LayerTeacher.Train(bench, teacher, two, 0.05, 1500), loraFour = LayerTeacher.Train(bench, teacher, four, 0.05, 1500);
        output.WriteLine(
            $"left of the error: DoRA r=2 {own:G3} ({dora.ParameterCount} numbers), LoRA r=2 {loraTwo:G3} ({two.ParameterCount}), r=4 {loraFour:G3} ({four.ParameterCount})");
        Assert.True(own < 0.1 * loraTwo && own < 0.2 * loraFour, $"DoRA r=2 {own:G3}, LoRA r=2 {loraTwo:G3}, r=4 {loraFour:G3}");
    }

    private static double Slope(Func<double> loss, Parameter parameter, int i)
    {
        const float Step = 4e-3f;
        float old = parameter.Value.Span[i], up = old + Step, down = old - Step;
        parameter.Value.Span[i] = up;
        double high = loss();
        parameter.Value.Span[i] = down;
        double low = loss();
        parameter.Value.Span[i] = old;
        return (high - low) / ((double)up - down);
    }

    /// <summary>sum of gy o (diag(m / n) V x), everything in double, n given.</summary>
    private static double Loss(LayerBench bench, TrainedAdapter adapter, float[] x, float[] gy, double[] n)
    {
        (double[] v, _) = Direction(bench, adapter);
        float[] m = Values(adapter, 2);
        double sum = 0;
        for (int row = 0; row < Rows; row++)
        {
            for (int o = 0; o < Outputs; o++)
            {
                double dot = 0;
                for (int k = 0; k < Inputs; k++)
                {
                    dot += v[(o * Inputs) + k] * x[(row * Inputs) + k];
                }
                sum += gy[(row * Outputs) + o] * m[o] / n[o] * dot;
            }
        }
        return sum;
    }

    private static (double[] V, double[] N) Direction(LayerBench bench, TrainedAdapter adapter)
    {
        float[] a = Values(adapter, 0), b = Values(adapter, 1);
        double[] v = new double[Outputs * Inputs], n = new double[Outputs];
        for (int o = 0; o < Outputs; o++)
        {
            for (int k = 0; k < Inputs; k++)
            {
                double sum = bench.Weight[(o * Inputs) + k];
                for (int j = 0; j < Rank; j++)
                {
                    sum += Scale * b[(o * Rank) + j] * a[(j * Inputs) + k];
                }
                v[(o * Inputs) + k] = sum;
                n[o] += sum * sum;
            }
            n[o] = Math.Sqrt(n[o]);
        }
        return (v, n);
    }

    private static float[] Values(TrainedAdapter adapter, int parameter) => adapter.Parameters.ElementAt(parameter).Value.Span.ToArray();

    private static TrainedAdapter Make(LayerBench bench)
    {
        JsonObject config = new() { ["r"] = Rank, ["lora_alpha"] = (int)(Scale * Rank), ["target_modules"] = new JsonArray("layer") };
        TrainedAdapter adapter = AdapterMethods.Find("dora").Create("dora", bench.Model, config, new CounterRandom(1));
        Bench.Shake(adapter);
        return adapter;
    }
}
