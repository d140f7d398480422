using Lorikeet.Adapters;
using Lorikeet.Models;
using Lorikeet.Tensors;

namespace Lorikeet.Training.Tests;

public class TrainerTests
{
    [Fact]
    public void Eight_adapters_in_one_batch_end_with_the_weights_each_gets_alone()
    {
        const int Count = 8, Steps = 12;
        using LanguageModel model = Tiny.Model();
        List<float[]> alone = [];
        for (int i = 0; i < Count; i++)
        {
            using TrainedAdapter adapter = Tiny.Lora(model, $"a{i}", i, dropout: 0.1);
            using Trainee trainee = Tiny.Trainee(adapter.Name, adapter, Tiny.Data(i), Steps);
            using Trainer trainer = new(model, [trainee], new TrainerOptions { Accumulation = 2 });
            for (int step = 0; step < Steps; step++)
            {
                trainer.Next();
            }
            alone.Add(Tiny.Values(adapter));
        }
        List<TrainedAdapter> together = [.. Enumerable.Range(0, Count).Select(i => Tiny.Lora(model, $"a{i}", i, dropout: 0.1))];
        List<Trainee> trainees = [.. together.Select((a, i) => Tiny.Trainee(a.Name, a, Tiny.Data(i), Steps))];
        using (Trainer trainer = new(model, trainees, new TrainerOptions { Accumulation = 2 }))
        {
            for (int step = 0; step < Steps; step++)
            {
                trainer.Next();
            }
        }
        for (int i = 0; i < Count; i++)
        {
            float[] got = Tiny.Values(together[i]);
            Assert.NotEqual(alone[(i + 1) % Count], alone[i]);
            // Gradients are added in one order, so the weights are equal in every bit.
            Assert.Equal(alone[i], got);
            trainees[i].Dispose();
            together[i].Dispose();
        }
    }

    [Fact]
    public void Accumulated_gradients_are_those_of_one_batch()
    {
        using LanguageModel model = Tiny.Model();
        using TrainedAdapter adapter = Tiny.Lora(model, "a", 1);
        Batch first = new([1, 2, 3, 4], [2, 3, -1, -1], [4]), second = new([5, 6, 7, 8, 9, 3], [6, 7, 8, 9, 3, -1], [2, 4]);
        Batch both = new([.. first.Tokens, .. second.Tokens], [.. first.Targets, .. second.Targets], [.. first.Lengths, .. second.Lengths]);
        (double split, float[] one) = Gradients(model, adapter, [first, second], 2, LossMean.Tokens);
        (double whole, float[] other) = Gradients(model, adapter, [both], 1, LossMean.Tokens);
        Assert.Equal(whole, split, 6);
        Assert.Equal(other.Length, one.Length);
        Assert.True(one.Zip(other).All(p => Math.Abs(p.First - p.Second) <= 1e-6));
        (double means, _) = Gradients(model, adapter, [first, second], 2, LossMean.MicroBatches);
        double a = Evaluator.Run(model, adapter, [first]).Loss, b = Evaluator.Run(model, adapter, [second]).Loss;
        Assert.Equal((a + b) / 2, means, 5);
        Assert.Equal(((a * first.TargetCount) + (b * second.TargetCount)) / (first.TargetCount + second.TargetCount), split, 5);
    }

    [Fact]
    public void Recomputed_blocks_give_the_same_bits()
    {
        using LanguageModel model = Tiny.Model();
        float[] plain = Train(model, checkpointing: false), recomputed = Train(model, checkpointing: true);
        Assert.Equal(plain, recomputed);
    }

    [Fact]
    public void A_step_after_warm_up_allocates_less_than_a_megabyte()
    {
        using LanguageModel model = Tiny.Model();
        using TrainedAdapter adapter = Tiny.Lora(model, "a", 1);
        using Trainee trainee = Tiny.Trainee("a", adapter, Tiny.Data(1), 20);
        using Trainer trainer = new(model, [trainee], new TrainerOptions { Accumulation = 2 });
        for (int step = 0; step < 8; step++)
        {
            trainer.Next();
        }
        long before = GC.GetAllocatedBytesForCurrentThread();
        trainer.Next();
        long bytes = GC.GetAllocatedBytesForCurrentThread() - before;
        Assert.True(bytes < 1 << 20, $"a step allocated {bytes} bytes of managed memory");
    }

    [Fact]
    public void All_weights_learn_and_the_loss_falls()
    {
        using LanguageModel model = Tiny.Model();
        model.MakeTrainable();
        using Trainee trainee = new(
            "all",
            null,
            Training.Trainee.Group(model.TrainedParameters, 0.1, all: false),
            Tiny.Data(3),
            new AdamW(),
            Schedule.Create("constant", new ScheduleSettings { Rate = 0.01 }),
            1);
        Assert.Equal(2, trainee.Groups.Count);
        Assert.All(trainee.Groups[1].Parameters, p => Assert.Equal(1, p.Value.Shape.Rank));
        using Trainer trainer = new(model, [trainee], new TrainerOptions());
        double first = trainer.Next()[0].Loss, last = 0;
        for (int step = 0; step < 120; step++)
        {
            last = trainer.Next()[0].Loss;
        }
        Assert.True(last < first / 2, $"the loss went from {first:F3} to {last:F3}");
    }

    [Fact]
    public void A_rule_may_consume_a_gradient_once_a_step()
    {
        using LanguageModel model = Tiny.Model();
        using TrainedAdapter adapter = Tiny.Lora(model, "a", 1);
        Parameter taken = adapter.Parameters.First(p => p.Name.Contains("lora_B", StringComparison.Ordinal));
        float[] before = taken.Value.Span.ToArray();
        using Trainee trainee = Tiny.Trainee("a", adapter, Tiny.Data(1));
        Taker rule = new(taken);
        using Trainer trainer = new(model, [trainee], new TrainerOptions { Accumulation = 3, Rules = [rule] });
        for (int step = 0; step < 4; step++)
        {
            trainer.Next();
        }
        Assert.Equal(4, rule.Taken);
        Assert.Equal(["before 0", "after 0", "before 1", "after 1", "before 2", "after 2", "before 3", "after 3"], rule.Calls);
        Assert.Equal(before, taken.Value.Span.ToArray());
        Assert.False(taken.HasGradient);
        Assert.Contains(adapter.Parameters, p => p != taken && p.Name.Contains("lora_B", StringComparison.Ordinal) && p.Value.Span.ContainsAnyExcept(0f));
    }

    [Fact]
    public void A_gradient_that_is_no_number_stops_training_and_changes_nothing()
    {
        using LanguageModel model = Tiny.Model();
        using TrainedAdapter adapter = Tiny.Lora(model, "a", 1);
        adapter.Parameters.First().Value.Span[0] = float.NaN;
        float[] before = Tiny.Values(adapter);
        using Trainee trainee = Tiny.Trainee("a", adapter, Tiny.Data(1));
        using Trainer trainer = new(model, [trainee], new TrainerOptions());
        TrainingDivergedException e = Assert.Throws<TrainingDivergedException>(trainer.Next);
        Assert.Contains("gradient norm of step 1", e.Message, StringComparison.Ordinal);
        Assert.Equal(before, Tiny.Values(adapter));
    }

    private static float[] Train(LanguageModel model, bool checkpointing)
    {
        using TrainedAdapter adapter = Tiny.Lora(model, "a", 1, dropout: 0.2);
        using Trainee trainee = Tiny.Trainee("a", adapter, Tiny.Data(1));
        using Trainer trainer = new(model, [trainee], new TrainerOptions { Checkpointing = checkpointing });
        for (int step = 0; step < 6; step++)
        {
            trainer.Next();
        }
        return Tiny.Values(adapter);
    }

    private static (double Loss, float[] Gradients) Gradients(LanguageModel model, TrainedAdapter adapter, Batch[] batches, int accumulation, LossMean mean)
    {
        using Trainee trainee = Tiny.Trainee("a", adapter, new FixedBatches(batches));
        using Trainer trainer = new(model, [trainee], new TrainerOptions { Accumulation = accumulation, Mean = mean });
        double loss = trainer.ComputeGradients()[0];
        return (loss, [.. adapter.Parameters.SelectMany(p => p.Gradient.Span.ToArray())]);
    }

    private sealed class Taker(Parameter wanted) : IStepRule
    {
        public int Taken { get; private set; }

        public List<string> Calls { get; } = [];

        public void BeforeStep(TrainState state) => Calls.Add($"before {state.Step}");

        public void AfterStep(TrainState state) => Calls.Add($"after {state.Step}");

        public bool GradientReady(Parameter parameter, in Tensor gradient)
        {
            Taken += parameter == wanted ? 1 : 0;
            return parameter == wanted;
        }
    }
}
