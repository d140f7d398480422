using System.Text.Json.Nodes;
using Lorikeet.Adapters;
using Lorikeet.Models;
using Lorikeet.Tensors;
using Xunit.Abstractions;

namespace Lorikeet.Training.Tests.Cards;

/// <summary>Checks 6 and 7 of NOLA's card on three dialects of a small language, changes at all linear layers, as in the paper's runs.</summary>
[Collection(nameof(DialectWorld))]
[Trait("Category", "Slow")]
public sealed class NolaExperiment(DialectWorld world, ITestOutputHelper output)
{
    private const int Dialects = 3, Steps = 150;
    private const string Where = "\"target_modules\": \"all-linear\"";
    private static readonly double[] Rates = [3e-2, 6e-2, 1e-1];

    [Fact]
    [Trait("Card", "NOLA 7")]
    public void Fewer_numbers_come_near_LoRA_as_many_tie_with_it_and_more_matrices_are_better()
    {
        const string Lora = $$"""{"r": 1, "lora_alpha": 1, {{Where}}}""";
        (double lora, double rate) = world.Best("lora", Lora, [3e-3, 1e-2, 3e-2], Dialects, Steps);
        output.WriteLine($"held-out loss: no adapter {world.Bare(Dialects):F4}; LoRA r=1 {lora:F4} (rate {rate}, {world.Count("lora", Lora)} numbers)");
        Dictionary<int, double> nola = [];
        foreach (int k in new[] { 16, 38, 64, 155, 256 })
        {
            (nola[k], rate) = world.Best("nola", Nola(k), Rates, Dialects, Steps);
            output.WriteLine($"NOLA r=8 k={k}: {nola[k]:F4} (rate {rate}, {world.Count("nola", Nola(k))} numbers)");
        }
        // 38 is the largest k with a quarter of LoRA's numbers, 155 the largest with no more than LoRA's.
        Assert.InRange(world.Count("nola", Nola(38)), 0.24 * world.Count("lora", Lora), 0.25 * world.Count("lora", Lora));
        Assert.InRange(world.Count("nola", Nola(155)), 0.99 * world.Count("lora", Lora), world.Count("lora", Lora));
        Assert.InRange(nola[38] / lora, 0, 1.035);
        Assert.InRange(nola[155] / lora, 0, 1.002);
        Assert.True(nola[16] > nola[64] && nola[64] > nola[256], string.Join(", ", nola.Values));
    }

    [Fact]
    [Trait("Card", "NOLA 6")]
    public void Coefficients_of_eight_bits_change_the_loss_by_less_than_half_a_percent_and_of_four_bits_by_a_few()
    {
        string folder = Directory.CreateTempSubdirectory("lorikeet-nola-").FullName;
        Dictionary<string, double> change = [];
        world.Train("nola", Nola(64), 3e-2, 1, Steps, finished: (dialect, adapter) =>
        {
            double exact = Evaluator.Run(world.Model, adapter, [DialectWorld.Held(dialect)]).Loss;
            foreach (string type in new[] { "f16", "int8", "int4" })
            {
                JsonObject config = JsonNode.Parse(Nola(64))!.AsObject();
                config["coefficient_type"] = type;
                using TrainedAdapter coarse = AdapterMethods.Find("nola").Create(type, world.Model, config, new CounterRandom(0));
                foreach ((Parameter from, Parameter to) in adapter.Parameters.Zip(coarse.Parameters))
                {
                    from.Value.Span.CopyTo(to.Value.Span);
                }
                AdapterFolder.Save(coarse, Path.Combine(folder, type));
                using TrainedAdapter loaded = AdapterFolder.Load(Path.Combine(folder, type), world.Model);
                double loss = Evaluator.Run(world.Model, loaded, [DialectWorld.Held(dialect)]).Loss;
                change[type] = Math.Abs(loss - exact) / exact;
                output.WriteLine($"{type}: {exact:F5} becomes {loss:F5}, {change[type]:P3}");
            }
        });
        Directory.Delete(folder, recursive: true);
        Assert.InRange(change["f16"], 0, 0.001);
        Assert.InRange(change["int8"], 0, 0.005);
        // Four bits must be seen, or nothing was quantised.
        Assert.InRange(change["int4"], 1e-6, 0.05);
    }

    private static string Nola(int k) => $$"""{"r": 8, "lora_alpha": 8, "num_basis": {{k}}, {{Where}}}""";
}
