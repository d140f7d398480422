using Xunit.Abstractions;

namespace Lorikeet.Training.Tests.Cards;

/// <summary>Check 7 of PiSSA's card: a pretrained net, a shifted task, LoRA and PiSSA of one rank, rate and number of steps; each dialect is a seed of its own.</summary>
[Collection(nameof(DialectWorld))]
[Trait("Category", "Slow")]
public sealed class PissaExperiment(DialectWorld world, ITestOutputHelper output)
{
    private const string Where = "\"target_modules\": \"all-linear\", \"r\": 4, \"lora_alpha\": 4";

    [Fact]
    [Trait("Card", "PiSSA 7")]
    public void PiSSA_is_before_LoRA_after_a_tenth_of_the_steps_and_after_all()
    {
        foreach (int steps in (int[])[15, 150])
        {
            double lora = world.Train("lora", $$"""{ {{Where}} }""", 2e-3, DialectWorld.Dialects, steps, null);
            double pissa = world.Train("lora", $$"""{ {{Where}}, "init_lora_weights": "pissa" }""", 2e-3, DialectWorld.Dialects, steps, null);
            output.WriteLine($"{steps} steps: base {world.Bare():F4}, LoRA {lora:F4}, PiSSA {pissa:F4}");
            Assert.True(pissa < lora - 0.005, $"{steps} steps: LoRA {lora:F4}, PiSSA {pissa:F4}");
        }
    }
}
