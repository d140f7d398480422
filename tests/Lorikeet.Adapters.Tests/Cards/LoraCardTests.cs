using System.Text.Json.Nodes;
using Lorikeet.Adapters.Tests.Contract;
using Lorikeet.Models;
using Lorikeet.Tensors;

namespace Lorikeet.Adapters.Tests.Cards;

/// <summary>LoRA's card where the contract suite, the parity folders and the matching table do not cover it: checks 1, 3 and 7.</summary>
public sealed class LoraCardTests
{
    [Fact]
    public void In_the_first_step_only_B_gets_a_gradient()
    {
        using Llama model = Bench.Model();
        using TrainedAdapter adapter = MethodRow.Of("lora").Create(model);
        Bench.Backward(model, adapter, Bench.Prompts);
        foreach ((string key, Parameter parameter) in adapter.NamedParameters)
        {
            double largest = parameter.HasGradient ? Bench.Largest(parameter.Gradient.Span) : 0;
            Assert.Equal(key.EndsWith("lora_B.weight", StringComparison.Ordinal), largest > 0);
        }
    }

    [Theory]
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
    public void A_student_of_the_teachers_rank_learns_everything_and_rank_one_keeps_the_energy_of_the_rest()
    {
        using LayerBench bench = new(32, 24);
        float[] teacher = LayerTeacher.PlusLowRank(bench, bench.Weight, 4, 0.3f);
        double four = LayerTeacher.Train(bench, teacher, "lora", """{"r": 4, "lora_alpha": 8}""", 0.02);
        double one = LayerTeacher.Train(bench, teacher, "lora", """{"r": 1, "lora_alpha": 2}""", 0.02);
        Assert.InRange(four, 0, 1e-3);
        // Four components of about equal energy: the best of them is a quarter and a bit.
        Assert.InRange(one, 0.45, 0.8);
    }

    private static TrainedAdapter Make(LayerBench bench, int rank, int alpha, bool root)
    {
        JsonObject config = new() { ["r"] = rank, ["lora_alpha"] = alpha, ["use_rslora"] = root, ["target_modules"] = new JsonArray("layer") };
        TrainedAdapter adapter = AdapterMethods.Find("lora").Create("lora", bench.Model, config, new CounterRandom(1));
        Bench.Shake(adapter);
        return adapter;
    }
}
