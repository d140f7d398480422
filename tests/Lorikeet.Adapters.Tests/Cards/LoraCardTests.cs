using System.Text.Json.Nodes;
using Lorikeet.Adapters.Tests.Contract;
using Lorikeet.Models;
using Lorikeet.Tensors;
using Xunit.Abstractions;

namespace Lorikeet.Adapters.Tests.Cards;

/// <summary>LoRA's card, checks 1, 3 and 7; the others are in the contract suite, the matching tests and the parity folders (<see cref="CardIndexTests"/> lists all).</summary>
public sealed class LoraCardTests(ITestOutputHelper output)
{
    [Fact]
    [Trait("Card", "LoRA 1")]
    public void In_the_first_step_only_B_gets_a_gradient()
    {
        using LanguageModel model = Bench.Model();
        using TrainedAdapter adapter = MethodRow.Of("lora").Create(model);
        Bench.Backward(model, adapter, Bench.Prompts);
        foreach ((string key, Parameter parameter) in adapter.NamedParameters)
        {
            double largest = parameter.HasGradient ? Bench.Largest(parameter.Gradient.Span) : 0;
            Assert.Equal(key.EndsWith("lora_B.weight", StringComparison.Ordinal), largest > 0);
        }
    }

    [Theory]
    [Trait("Card", "LoRA 3")]
    [InlineData(4, 8, 4, true)]
    [InlineData(4, 8, 8, false)]
    [InlineData(9, 6, 2, true)]
    public void The_two_scales_agree_exactly_where_alpha_is_divided_by_the_root_of_r(int rank, int alpha, int alphaRoot, bool agree)
    {
        using LayerBench bench = new(20, 16);
        float[] x = LayerBench.Normal(1, "x", 3 * 16);
        using TrainedAdapter plain = Make(bench, rank, alpha, root: false), root = Make(bench, rank, alphaRoot, root: true);
        Assert.Equal(agree, Bench.Difference(bench.Forward(x, 3, root), bench.Forward(x, 3, plain)) < 1e-6);
    }

    [Fact]
    [Trait("Category", "Slow")]
    [Trait("Card", "LoRA 7")]
    public void A_student_of_the_teachers_rank_learns_all_and_a_smaller_one_keeps_the_energy_of_the_lost_singular_values()
    {
        using LayerBench bench = new(32, 24);
        float[] teacher = LayerTeacher.PlusLowRank(bench, bench.Weight, 4, 0.3f);
        foreach (int rank in new[] { 1, 2, 3 })
        {
            double left = LayerTeacher.Train(bench, teacher, "lora", $$"""{"r": {{rank}}, "lora_alpha": {{2 * rank}}}""", 0.02);
            double least = LayerTeacher.BestOfRank(bench, teacher, rank);
            output.WriteLine($"LoRA r={rank}: {left:P2} of the error is left, the singular values beyond hold {least:P2}");
            Assert.InRange(left / least, 0.999, 1.01);
        }
        Assert.InRange(LayerTeacher.BestOfRank(bench, teacher, 4), -1e-9, 1e-9);
        using TrainedAdapter four = LayerTeacher.Make(bench, "lora", """{"r": 4, "lora_alpha": 8}""");
        Parameter bias = LayerBench.Vector("bias", bench.Bias!);
        bias.Trainable = false;
        using Adapter full = bench.Adapt(new ReplacedWeightSite(TrainableWeight.Copy("weight", bench.Model.Layer.Weight), bias), "full");
        double lora = LayerTeacher.Train(bench, teacher, four, 0.02), all = LayerTeacher.Train(bench, teacher, full, 0.02);
        output.WriteLine($"LoRA r=4: {lora:E1} is left with {four.ParameterCount} numbers; full fine-tuning: {all:E1} with {full.ParameterCount}");
        Assert.InRange(lora, 0, 1e-6);
        Assert.InRange(all, 0, 1e-6);
        Assert.Equal((4L * (32 + 24), 32L * 24), (four.ParameterCount, full.ParameterCount));
    }

    private static TrainedAdapter Make(LayerBench bench, int rank, int alpha, bool root)
    {
        JsonObject config = new() { ["r"] = rank, ["lora_alpha"] = alpha, ["use_rslora"] = root, ["target_modules"] = new JsonArray("layer") };
        TrainedAdapter adapter = AdapterMethods.Find("lora").Create("lora", bench.Model, config, new CounterRandom(1));
        Bench.Shake(adapter);
        return adapter;
    }
}
