using Xunit.Abstractions;

namespace Lorikeet.Training.Tests.Cards;

/// <summary>The experiment of SLTrain's card: a small model from random weights, equal steps, each parameterisation at the best of its rates.</summary>
[Trait("Category", "Slow")]
public sealed class SltrainExperiment(LearningWorld world, ITestOutputHelper output) : IClassFixture<LearningWorld>
{
    private const int Rank = LearningWorld.Width / 4;

    [Fact]
    [Trait("Card", "SLTrain 7")]
    public void Sparse_entries_bring_low_rank_weights_nearer_to_full_ones_and_more_of_them_nearer()
    {
        double full = Say("full", rate => world.Full("adamw", new OptimizerSettings(), rate));
        double few = Sltrain(0.03), more = Sltrain(0.1);
        double low = Say("W = BA", rate => world.Factored(new NewWeights { Kind = "low-rank", Rank = Rank }, rate));
        Assert.True(full <= few && few < low - 0.2, $"full {full}, SLTrain {few}, W = BA {low}");
        Assert.True(more < few, $"delta 0.03 {few}, delta 0.1 {more}");

        double Sltrain(double delta) => new[] { 0.25, 1.0 }.Min(s => Say(
            $"SLTrain, delta {delta}, s {s}", rate => world.Factored(new NewWeights { Rank = Rank, Alpha = s * Rank, Delta = delta }, rate)));
    }

    private double Say(string what, Func<double, Learnt> train)
    {
        Learnt learnt = LearningWorld.Best(train, 3e-3, 1e-2);
        output.WriteLine($"{what}: {learnt}");
        return learnt.Loss;
    }
}
