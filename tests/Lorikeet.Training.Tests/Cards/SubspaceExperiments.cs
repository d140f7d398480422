using Xunit.Abstractions;

namespace Lorikeet.Training.Tests.Cards;

/// <summary>The experiments of the cards GaLore, Fira and FRUGAL: one small model, one text, equal steps, each optimiser at the best of its rates.</summary>
[Trait("Category", "Slow")]
public sealed class SubspaceExperiments(LearningWorld world, ITestOutputHelper output) : IClassFixture<LearningWorld>
{
    private const int Width = LearningWorld.Width, Period = 30;

    private Learnt Adam => Say("AdamW", LearningWorld.Best(rate => world.Full("adamw", new OptimizerSettings(), rate), 6e-3, 1e-2));

    [Fact]
    [Trait("Card", "GaLore 7")]
    public void GaLore_comes_near_Adam_with_fewer_states_and_before_low_rank_weights()
    {
        // Against LoRA on frozen random weights real text tells more than a law of 32 symbols, which rank 16 can hold: eng/optimizer-experiments.sh, docs/methods/galore.md.
        Learnt adam = Adam, galore = Galore(Width / 4);
        Learnt lora = Say("LoRA on random weights", LearningWorld.Best(rate => world.Lora(Width / 4, rate, alone: false), 1e-2));
        Learnt factors = Say("W = BA", LearningWorld.Best(rate => world.Lora(Width / 4, rate, alone: true), 1e-2));
        Assert.True(adam.Loss <= galore.Loss, $"AdamW {adam}, GaLore {galore}");
        Assert.True(galore.Loss < factors.Loss, $"GaLore {galore}, W = BA {factors}");
        Assert.InRange(galore.Loss / lora.Loss, 0, 1.06);
        Assert.True(galore.StateBytes < 0.6 * adam.StateBytes);
    }

    [Fact]
    [Trait("Card", "GaLore 6")]
    public void States_of_eight_bits_end_within_a_few_percent()
    {
        OptimizerSettings settings = new() { Rank = Width / 4, Period = Period, Scale = 1, Smallest = 256 };
        Learnt wide = world.Full("galore", settings, 1e-2), narrow = world.Full("galore-adamw8bit", settings, 1e-2);
        output.WriteLine($"GaLore {wide}, with 8-bit states {narrow}");
        Assert.InRange(narrow.Loss / wide.Loss, 0.95, 1.05);
        Assert.True(narrow.StateBytes < 0.6 * wide.StateBytes);
    }

    [Fact]
    [Trait("Card", "NaturalGaLore 7")]
    public void The_natural_gradient_against_GaLores()
    {
        OptimizerSettings settings = new() { Rank = Width / 8, Period = Period, Scale = 1 };
        Learnt galore = Say("two-sided GaLore", LearningWorld.Best(rate => world.Full("natural-galore", settings with { History = 0 }, rate), 1e-2));
        // Gradients here are far above the root of the published damping, 0.001: what the history has seen is taken out of them, and the loss is 2.56. A weaker one does no harm.
        Learnt natural = Say("natural, damping 1", world.Full("natural-galore", settings with { Damping = 1 }, 1e-2));
        Assert.True(natural.Loss <= 1.002 * galore.Loss, $"GaLore {galore}, natural {natural}");
    }

    [Fact]
    [Trait("Card", "Fira 7")]
    public void Fira_is_before_GaLore_at_a_small_rank_and_the_gap_closes_with_it()
    {
        double small = Galore(Width / 16).Loss - Fira(Width / 16).Loss, large = Galore(Width / 2).Loss - Fira(Width / 2).Loss;
        output.WriteLine($"GaLore's loss above Fira's: {small:F4} at rank {Width / 16}, {large:F4} at {Width / 2}");
        Assert.True(small > 0.02, $"the gap is {small:F4}");
        Assert.True(Math.Abs(large) < small, $"the gap is {large:F4} at the larger rank");
    }

    [Fact]
    [Trait("Card", "FRUGAL 7")]
    public void Frugal_is_between_Adam_and_what_drops_the_rest_of_the_gradient()
    {
        Learnt adam = Adam;
        Learnt columns = Frugal("columns", FrugalKind.Columns, OutsideRule.Sign), svd = Frugal("singular vectors", FrugalKind.Basis, OutsideRule.Sign);
        Learnt galore = Frugal("GaLore's form", FrugalKind.Basis, OutsideRule.None), badam = Frugal("BAdam's form", FrugalKind.Blocks, OutsideRule.None);
        // At so few steps the sign steps of the rest are no burden: FRUGAL may even be a little ahead.
        Assert.InRange(adam.Loss / columns.Loss, 0.9, 1.05);
        Assert.True(columns.Loss < galore.Loss && columns.Loss < badam.Loss, $"FRUGAL {columns}, GaLore's form {galore}, BAdam's {badam}");
        Assert.InRange(columns.Loss / svd.Loss, 0.9, 1.1);
    }

    private Learnt Galore(int rank) => Say($"GaLore r={rank}", LearningWorld.Best(
        rate => world.Full("galore", new OptimizerSettings { Rank = rank, Period = Period, Scale = 1 }, rate), 1e-2));

    private Learnt Fira(int rank) => Say($"Fira r={rank}", LearningWorld.Best(
        rate => world.Full("fira", new OptimizerSettings { Rank = rank, Period = Period, Scale = 1 }, rate), 1e-2));

    private Learnt Frugal(string name, FrugalKind kind, OutsideRule outside) => Say(name, LearningWorld.Best(
        rate => world.Full(
            "frugal",
            new OptimizerSettings { Density = 0.25, Period = Period, Frugal = kind, Outside = outside, OutsideScale = 0.1, Order = BlockOrder.Ascending },
            rate),
        1e-2));

    private Learnt Say(string what, Learnt learnt)
    {
        output.WriteLine($"{what}: {learnt}");
        return learnt;
    }
}
