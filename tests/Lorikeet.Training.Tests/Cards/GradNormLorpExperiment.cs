using System.Text.Json.Nodes;
using Lorikeet.Adapters;
using Lorikeet.Tensors;
using Xunit.Abstractions;

namespace Lorikeet.Training.Tests.Cards;

/// <summary>Check 7 of GradNormLoRP's card: DoRA factors of rank 8 with gradients projected to rank 4, against LoRA of rank 8 with Adam.</summary>
[Collection(nameof(DialectWorld))]
[Trait("Category", "Slow")]
[Trait("Card", "GradNormLoRP 7")]
public sealed class GradNormLorpExperiment(DialectWorld world, ITestOutputHelper output)
{
    [Fact]
    public void Projected_factors_learn_as_much_with_half_the_states()
    {
        double[] rates = [3e-3, 1e-2];
        Learnt lora = rates.Select(rate => Train("lora", "adamw", rate)).MinBy(l => l.Loss)!, own = rates.Select(rate => Train("dora", "galore", rate)).MinBy(l => l.Loss)!;
        output.WriteLine($"held-out loss: no adapter {world.Bare(1):F4}; LoRA r=8 {lora}; DoRA r=8, gradients projected to rank 4 {own}");
        Assert.InRange(own.Loss / lora.Loss, 0, 1.03);
        Assert.InRange((double)own.StateBytes / lora.StateBytes, 0, 0.6);
    }

    private Learnt Train(string method, string optimizer, double rate)
    {
        const int Steps = 100;
        JsonObject config = new() { ["r"] = 8, ["lora_alpha"] = 8, ["target_modules"] = "all-linear" };
        using TrainedAdapter adapter = AdapterMethods.Find(method).Create(method, world.Model, config, new CounterRandom(5));
        HashSet<Parameter> matrices = [.. adapter.Parameters.Where(p => p.Value.Shape.Rank == 2)];
        using Trainee trainee = new(
            method, adapter, Trainee.Group(adapter.Parameters, 0, all: true, matrices),
            new FixedBatches([.. Enumerable.Range(0, Steps).Select(step => DialectWorld.Text(_ => 0, 8, $"train 0 {step}"))]),
            Training.Optimizers.Create(optimizer, new OptimizerSettings { Rank = 4, Period = 50, Scale = 1 }),
            Schedule.Create("cosine", new ScheduleSettings { Rate = rate, Warmup = 5, Steps = Steps }), 1);
        using Trainer trainer = new(world.Model, [trainee], new TrainerOptions());
        for (int step = 0; step < Steps; step++)
        {
            trainer.Next();
        }
        return new Learnt(trainer.Evaluate(0, [DialectWorld.Held(0)]).Loss, trainee.States.Values.Sum(s => s.Bytes), rate);
    }
}
