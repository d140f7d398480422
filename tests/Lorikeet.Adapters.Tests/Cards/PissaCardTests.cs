using System.Text.Json.Nodes;
using Lorikeet.Adapters.Tests.Contract;
using Lorikeet.Kernels;
using Lorikeet.Models;
using Lorikeet.Models.Files;
using Lorikeet.Tensors;
using Lorikeet.Tensors.LinearAlgebra;
using Xunit.Abstractions;

namespace Lorikeet.Adapters.Tests.Cards;

/// <summary>PiSSA's card, checks 1 to 4 and 6; 5 is the parity folders', 7 an experiment.</summary>
public sealed class PissaCardTests(ITestOutputHelper output)
{
    private const int Outputs = 20, Inputs = 16, Rank = 4;

    [Theory]
    [Trait("Card", "PiSSA 1")]
    [InlineData("pissa", 4)]
    [InlineData("pissa", 11)]
    [InlineData("pissa_niter_16", 11)]
    [InlineData("olora", 11)]
    public void What_is_left_and_what_was_taken_are_the_weight(string start, int alpha)
    {
        using LayerBench bench = new(Outputs, Inputs);
        using TrainedAdapter adapter = Make(bench, start, alpha);
        LowRankSite site = Site(bench, adapter);
        Assert.Equal((float)alpha / Rank, site.Start!.Scale, 1e-6f);
        float[] again = Residual(bench, site);
        site.Pair.AddTo(again);
        float largest = bench.Weight.Max(Math.Abs);
        Assert.All(again, (v, i) => Assert.Equal(bench.Weight[i], v, 1e-6f * largest));
        float[] x = LayerBench.Normal(1, "x", 3 * Inputs);
        Assert.InRange(Bench.Difference(bench.Forward(x, 3, adapter), bench.Forward(x, 3, null)), 0, 1e-5);
    }

    [Fact]
    [Trait("Card", "PiSSA 2")]
    public void The_residual_has_the_remaining_singular_values()
    {
        using LayerBench bench = new(Outputs, Inputs);
        using TrainedAdapter adapter = Make(bench, "pissa", 11);
        LowRankSite site = Site(bench, adapter);
        double[] s = Values(bench.Weight), left = Values(Residual(bench, site));
        Assert.Equal(s[Rank], left[0], 1e-5 * s[0]);
        Assert.Equal(s.Skip(Rank).Sum(v => v * v), left.Sum(v => v * v), 1e-5 * s[0] * s[0]);
        float scale = site.Start!.Scale;
        float[] bb = new float[Rank * Rank], aa = new float[Rank * Rank];
        MatrixProduct.Multiply(site.Start.B.Value.Span, true, site.Start.B.Value.Span, false, bb, Rank, Rank, Outputs);
        MatrixProduct.Multiply(site.Start.A.Value.Span, false, site.Start.A.Value.Span, true, aa, Rank, Rank, Inputs);
        for (int i = 0; i < Rank * Rank; i++)
        {
            double expected = i / Rank == i % Rank ? s[i / Rank] / scale : 0;
            Assert.Equal(expected, bb[i], 1e-5 * s[0]);
            Assert.Equal(expected, aa[i], 1e-5 * s[0]);
        }
    }

    [Fact]
    [Trait("Card", "PiSSA 3")]
    public void The_fast_decomposition_finds_the_largest_values()
    {
        float[] weight = Decaying(40, 30, 0.85);
        using OneLayer model = OneLayer.Of(new DenseWeight(weight, 40, 30));
        JsonObject config = new() { ["r"] = Rank, ["lora_alpha"] = Rank, ["init_lora_weights"] = "pissa_niter_16", ["target_modules"] = new JsonArray("layer") };
        using TrainedAdapter adapter = AdapterMethods.Find("lora").Create("fast", model, config, new CounterRandom(1));
        LowRankPair start = ((LowRankSite)adapter[model.Layer]!).Start!;
        double[] s = Values(weight, 40);
        for (int k = 0; k < Rank; k++)
        {
            Assert.Equal(s[k], start.A.Value.Row(k).ToArray().Sum(v => (double)v * v), 0.01 * s[k]);
        }
    }

    [Theory]
    [Trait("Card", "PiSSA 4")]
    [InlineData("pissa", false)]
    [InlineData("pissa_niter_4", true)]
    [InlineData("olora", false)]
    public void The_converted_adapter_on_the_base_is_the_raw_one_on_the_residual(string start, bool root)
    {
        using TemporaryFolder folder = new();
        using LanguageModel model = Bench.Model(), residual = Bench.Model();
        JsonObject config = new()
        {
            ["r"] = 3,
            ["lora_alpha"] = 5,
            ["use_rslora"] = root,
            ["init_lora_weights"] = start,
            ["target_modules"] = "all-linear",
            ["rank_pattern"] = new JsonObject { ["k_proj"] = 2 },
            ["alpha_pattern"] = new JsonObject { ["up_proj"] = 7 },
        };
        using TrainedAdapter adapter = AdapterMethods.Find("lora").Create("a", model, config, new CounterRandom(1));
        for (int step = 0; step < 20; step++)
        {
            Bench.Backward(model, adapter, Bench.Prompts);
            Bench.Descend(adapter, 0.02f);
        }
        float[] trained = Bench.Logits(model, adapter, Bench.Prompts[2]);
        Assert.True(Bench.Difference(trained, Bench.Logits(model, null, Bench.Prompts[2])) > 1e-3);

        AdapterFolder.Save(adapter, folder.Of("converted"));
        using TrainedAdapter converted = AdapterFolder.Load(folder.Of("converted"), model);
        Assert.Equal("true", converted.Config["init_lora_weights"]!.ToJsonString());
        Assert.Equal(6, converted.Config["r"]!.GetValue<int>());
        Assert.Equal(2 * adapter.ParameterCount, converted.ParameterCount);
        Assert.InRange(Bench.Difference(Bench.Logits(model, converted, Bench.Prompts[2]), trained), 0, 1e-5);

        residual.Exchange((name, weight) => model.Find(name[..^".weight".Length]) is { } site && adapter[site] is LowRankSite change
            ? new DenseWeight(Left(weight, change), weight.Outputs, weight.Inputs)
            : weight);
        JsonObject plain = (JsonObject)adapter.Config.DeepClone();
        plain["init_lora_weights"] = true;
        using TrainedAdapter raw = AdapterMethods.Find("lora").Create("raw", residual, plain, new CounterRandom(9));
        foreach (((_, Parameter to), (_, Parameter from)) in raw.NamedParameters.Zip(adapter.NamedParameters))
        {
            Assert.Equal(from.Name, to.Name);
            from.Value.Span.CopyTo(to.Value.Span);
        }
        Assert.InRange(Bench.Difference(Bench.Logits(residual, raw, Bench.Prompts[2]), trained), 0, 1e-5);
    }

    [Fact]
    public void A_raw_folder_keeps_its_start_and_without_it_only_an_exact_one_is_made_again()
    {
        using TemporaryFolder folder = new();
        using LanguageModel model = Bench.Model();
        foreach ((string start, bool exact) in new[] { ("pissa", true), ("olora", true), ("pissa_niter_4", false) })
        {
            JsonObject config = new() { ["r"] = 3, ["init_lora_weights"] = start, ["convert_to_lora"] = false, ["target_modules"] = new JsonArray("q_proj") };
            using TrainedAdapter adapter = AdapterMethods.Find("lora").Create("a", model, config, new CounterRandom(1));
            Bench.Shake(adapter);
            string raw = folder.Of(start), bare = folder.Of(start + "-bare");
            AdapterFolder.Save(adapter, raw);
            Assert.DoesNotContain("convert_to_lora", File.ReadAllText(Path.Combine(raw, AdapterFolder.ConfigName)), StringComparison.Ordinal);
            float[] expected = Bench.Logits(model, adapter, Bench.Prompts[1]);
            using (TrainedAdapter read = AdapterFolder.Load(raw, model))
            {
                Assert.Equal(expected, Bench.Logits(model, read, Bench.Prompts[1]));
                AdapterFolder.Save(read, folder.Of(start + "-again"));
                Assert.Equal(File.ReadAllBytes(Path.Combine(raw, AdapterFolder.WeightsName)), File.ReadAllBytes(Path.Combine(folder.Of(start + "-again"), AdapterFolder.WeightsName)));
            }
            // As PEFT saves it: A and B alone.
            Directory.CreateDirectory(bare);
            File.Copy(Path.Combine(raw, AdapterFolder.ConfigName), Path.Combine(bare, AdapterFolder.ConfigName));
            using (SafetensorsFile file = SafetensorsFile.Open(Path.Combine(raw, AdapterFolder.WeightsName)))
            {
                SafetensorsWriter.Write(
                    Path.Combine(bare, AdapterFolder.WeightsName),
                    new Dictionary<string, string>(),
                    [.. file.Tensors.Where(t => !t.Name.Contains("initial", StringComparison.Ordinal)).Select(t => new TensorToWrite(t.Name, t.Type, t.Shape, to => to.Write(file.Bytes(t))))]);
            }
            if (exact)
            {
                using TrainedAdapter read = AdapterFolder.Load(bare, model);
                Assert.InRange(Bench.Difference(Bench.Logits(model, read, Bench.Prompts[1]), expected), 0, 1e-5);
            }
            else
            {
                Assert.Contains("random basis", Assert.Throws<NotSupportedException>(() => AdapterFolder.Load(bare, model)).Message, StringComparison.Ordinal);
            }
        }
    }

    [Fact]
    [Trait("Card", "PiSSA 6")]
    public void Four_bits_lose_less_of_the_residual_and_less_still_after_more_rounds()
    {
        float[] values = Decaying(64, 64, 0.9);
        using DenseWeight weight = new(values, 64, 64);
        using FourBitWeight alone = FourBitWeight.Quantise(values, 64, 64, "nf4");
        double plain = Norm(values, alone.ToArray(), null), one = Error(1), five = Error(5);
        output.WriteLine($"||W - deq||: nf4 {plain:F4}, QPiSSA T=1 {one:F4}, T=5 {five:F4}");
        Assert.True(five < one && one < plain, $"{plain}, {one}, {five}");

        double Error(int rounds)
        {
            QuantisedStart start = QuantisedStart.Of(weight, 8, rounds, scale: 1.5f);
            using FourBitWeight restored = start.Base;
            float[] product = new float[values.Length];
            MatrixProduct.Multiply(start.B, false, start.A, false, product, 64, 64, 8, 1.5f);
            return Norm(values, restored.ToArray(), product);
        }

        static double Norm(float[] w, float[] restored, float[]? product) =>
            Math.Sqrt(w.Select((v, i) => v - restored[i] - (product?[i] ?? 0f)).Sum(v => (double)v * v));
    }

    private static TrainedAdapter Make(LayerBench bench, string start, int alpha) => AdapterMethods.Find("lora").Create(
        "pissa",
        bench.Model,
        new JsonObject { ["r"] = Rank, ["lora_alpha"] = alpha, ["init_lora_weights"] = start, ["target_modules"] = new JsonArray("layer") },
        new CounterRandom(1));

    private static LowRankSite Site(LayerBench bench, TrainedAdapter adapter) => (LowRankSite)adapter[bench.Model.Layer]!;

    private static float[] Residual(LayerBench bench, LowRankSite site) => Left(bench.Model.Layer.Weight, site);

    private static float[] Left(Weight weight, LowRankSite site)
    {
        float[] left = weight.ToArray();
        site.Start!.AddTo(left, -1f);
        return left;
    }

    private static double[] Values(float[] matrix, int rows = Outputs) => Svd.Thin(Matrix64.Of(rows, matrix.Length / rows, matrix)).S;

    /// <summary>A random matrix whose singular values fall by a factor.</summary>
    private static float[] Decaying(int rows, int columns, double factor)
    {
        float[] normal = new float[rows * columns];
        new CounterRandom(3).FillNormal(normal, 1f);
        Svd svd = Svd.Thin(Matrix64.Of(rows, columns, normal));
        Matrix64 scaled = svd.Vt.Copy();
        for (int k = 0; k < scaled.Rows; k++)
        {
            foreach (ref double v in scaled.Row(k))
            {
                v *= Math.Pow(factor, k);
            }
        }
        float[] matrix = new float[rows * columns];
        svd.U.Times(scaled).CopyTo(matrix);
        return matrix;
    }
}
