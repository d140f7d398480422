using System.Text.Json.Nodes;
using Lorikeet.Adapters.Tests.Contract;
using Lorikeet.Models;
using Lorikeet.Tensors;
using Xunit.Abstractions;

namespace Lorikeet.Adapters.Tests.Cards;

/// <summary>The experiments of the cards flora and nola in small: synthetic dialects, a frozen random model, one adapter for each.</summary>
/// <remarks>A dialect is a bigram law of its own. The figures go to the test's output.</remarks>
[Trait("Category", "Slow")]
public sealed class DialectExperiments(ITestOutputHelper output)
{
    private const int Symbols = 16, Steps = 60;

    [Fact]
    public void FLoRA_is_near_LoRA_and_before_IA3()
    {
        double lora = Mean("lora", """{"r": 1, "lora_alpha": 2}""", [0.01, 0.03]);
        double flora = Mean("flora", """{"r": 1}""", [0.03, 0.1]);
        double outputsOnly = Mean("flora", """{"r": 1}""", [0.03, 0.1], freeze: "flora_B");
        output.WriteLine($"held-out loss: LoRA r=1 {lora:F4}, FLoRA r=1 {flora:F4}, (IA)3 {outputsOnly:F4}");
        Assert.True(flora < outputsOnly, $"FLoRA {flora:F4}, (IA)3 {outputsOnly:F4}");
        Assert.InRange(flora / lora, 0, 1.1);
    }

    [Fact]
    public void NOLA_gains_with_every_basis_and_comes_near_LoRA_with_fewer_numbers()
    {
        double[] losses = [.. new[] { 2, 8, 32 }.Select(k => Mean("nola", $$"""{"r": 4, "num_basis": {{k}}}""", [0.1, 0.3]))];
        double lora = Mean("lora", """{"r": 1, "lora_alpha": 2}""", [0.01, 0.03]);
        output.WriteLine($"held-out loss: NOLA k=2, 8, 32: {string.Join(", ", losses.Select(l => l.ToString("F4")))}; LoRA r=1 {lora:F4}");
        Assert.True(losses[0] > losses[1] && losses[1] > losses[2]);
        Assert.InRange(losses[2] / lora, 0, 1.1);
    }

    private static double Mean(string method, string options, double[] rates, string? freeze = null) =>
        rates.Min(rate => Enumerable.Range(0, 2).Average(dialect => HeldOut(method, options, rate, dialect, freeze)));

    private static double HeldOut(string method, string options, double rate, int dialect, string? freeze)
    {
        using Llama model = Bench.Model(bias: false);
        JsonObject config = JsonNode.Parse(options)!.AsObject();
        config["target_modules"] = "all-linear";
        using TrainedAdapter adapter = AdapterMethods.Find(method).Create(method, model, config, new CounterRandom(2));
        foreach ((string key, Parameter parameter) in adapter.NamedParameters)
        {
            parameter.Trainable = freeze is null || !key.EndsWith(freeze, StringComparison.Ordinal);
        }
        TinyAdam adam = new(adapter, rate);
        int[][] train = Sentences(dialect, 8, 0), test = Sentences(dialect, 8, 1);
        for (int step = 0; step < Steps; step++)
        {
            Bench.Backward(model, adapter, train);
            adam.Step(0.5 * (1 + Math.Cos(Math.PI * step / Steps)));
        }
        return Bench.Loss(model, adapter, test);
    }

    private static int[][] Sentences(int dialect, int count, int part)
    {
        CounterRandom law = new CounterRandom(77).Named($"dialect {dialect}"), draw = new CounterRandom(77).Named($"dialect {dialect} part {part}");
        int[][] sentences = new int[count][];
        ulong number = 0;
        for (int s = 0; s < count; s++)
        {
            sentences[s] = new int[20];
            sentences[s][0] = draw.Integer(number++, Symbols);
            for (int t = 1; t < 20; t++)
            {
                // Each symbol has two successors; one is three times as frequent.
                int from = sentences[s][t - 1], which = draw.Integer(number++, 4) == 0 ? 1 : 0;
                sentences[s][t] = law.Integer((ulong)((2 * from) + which), Symbols);
            }
        }
        return sentences;
    }
}
