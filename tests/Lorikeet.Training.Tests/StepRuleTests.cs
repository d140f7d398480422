using Lorikeet.Adapters;
using Lorikeet.Models;
using Lorikeet.Tensors;

namespace Lorikeet.Training.Tests;

/// <summary>Step rules that exist in these tests alone: what freezes, masks or consumes needs <see cref="IStepRule"/> and nothing else, no model file above all.</summary>
[Collection(nameof(Alone))]
public sealed class StepRuleTests
{
    private const double Rate = 0.05;

    [Fact]
    public void A_rule_may_train_another_layer_in_every_step()
    {
        using LanguageModel model = Tiny.Model();
        using TrainedAdapter adapter = Tiny.Lora(model, "a", 1);
        using Trainee trainee = new(
            "a", adapter, Trainee.Group(adapter.Parameters, 0.01, all: true), Tiny.Data(1), new AdamW(), Schedule.Create("constant", new ScheduleSettings { Rate = 0.01 }), 1);
        OneLayerAtATime rule = new(2);
        using Trainer trainer = new(model, [trainee], new TrainerOptions { Accumulation = 2, Rules = [rule] });
        for (int step = 0; step < 4; step++)
        {
            Dictionary<Parameter, float[]> before = adapter.Parameters.ToDictionary(p => p, p => p.Value.Span.ToArray());
            trainer.Next();
            foreach ((Parameter parameter, float[] old) in before)
            {
                bool active = parameter.Name.Contains($"layers.{step % 2}.", StringComparison.Ordinal);
                Assert.Equal(active, !old.SequenceEqual(parameter.Value.Span.ToArray()));
            }
        }
        Assert.All(trainee.States.Values, state => Assert.Equal(2, state.Steps));
    }

    [Fact]
    public void A_rule_may_mask_gradients_before_the_norm_and_shrink_values_after_the_step()
    {
        using LanguageModel model = Tiny.Model();
        using TrainedAdapter free = Tiny.Lora(model, "a", 1), masked = Tiny.Lora(model, "a", 1);
        float[] start = Tiny.Values(masked);
        double freeNorm = Train(model, free, [], 1)[0].GradientNorm, maskedNorm = Train(model, masked, [new EvenColumns()], 1)[0].GradientNorm;
        Assert.InRange(maskedNorm, 0.1 * freeNorm, 0.99 * freeNorm);
        float[] expected = Tiny.Values(free), got = Tiny.Values(masked);
        int at = 0;
        foreach (Parameter parameter in masked.Parameters)
        {
            for (int i = 0; i < parameter.Value.Span.Length; i++, at++)
            {
                Assert.Equal(EvenColumns.Keeps(parameter, i) ? expected[at] : start[at], got[at]);
            }
        }
        using TrainedAdapter shrunk = Tiny.Lora(model, "a", 1);
        Train(model, shrunk, [new Shrink(0.02f)], 6);
        float[] small = Tiny.Values(shrunk);
        Assert.Contains(small, v => v != 0);
        Assert.True(small.Count(v => v == 0) > small.Length / 20, $"{small.Count(v => v == 0)} of {small.Length} numbers are zero");
    }

    [Fact]
    public void A_rule_may_take_every_gradient_when_it_is_ready_and_leave_the_optimiser_nothing()
    {
        const int Steps = 5;
        using LanguageModel model = Tiny.Model();
        using TrainedAdapter plain = Tiny.Lora(model, "a", 1), taken = Tiny.Lora(model, "a", 1);
        long live = Storage.LiveBytes;
        IReadOnlyList<double> losses = [.. Train(model, plain, [], Steps).Select(s => s.Loss)];
        long held = Storage.LiveBytes - live;
        TakeAll rule = new(taken);
        live = Storage.LiveBytes;
        IReadOnlyList<double> taking = [.. Train(model, taken, [rule], Steps, check: trainee => Assert.All(trainee.States.Values, s => Assert.Equal(0, s.Steps))).Select(s => s.Loss)];
        long heldTaken = Storage.LiveBytes - live;
        // The rule does what gradient descent does, so every loss and weight has the same bits.
        Assert.Equal(losses, taking);
        Assert.Equal(Tiny.Values(plain), Tiny.Values(taken));
        int parameters = taken.Parameters.Count();
        Assert.Equal(Steps * parameters, rule.Taken);
        Assert.True(rule.MostHeld <= 4, $"{rule.MostHeld} of {parameters} gradients existed at once");
        Assert.All(taken.Parameters, p => Assert.False(p.HasGradient));
        // The plain run leaves each gradient's memory with its parameter; a consumed one is freed.
        Assert.Equal(plain.ParameterCount * sizeof(float), held);
        Assert.Equal(0, heldTaken);
    }

    private static List<StepNumbers> Train(LanguageModel model, TrainedAdapter adapter, IReadOnlyList<IStepRule> rules, int steps, Action<Trainee>? check = null)
    {
        using Trainee trainee = new(
            "a", adapter, Trainee.Group(adapter.Parameters, 0, all: true), Tiny.Data(1), new Sgd(), Schedule.Create("constant", new ScheduleSettings { Rate = Rate }), null);
        using Trainer trainer = new(model, [trainee], new TrainerOptions { Rules = rules });
        List<StepNumbers> numbers = [];
        for (int step = 0; step < steps; step++)
        {
            numbers.Add(trainer.Next()[0]);
        }
        check?.Invoke(trainee);
        return numbers;
    }

    /// <summary>As LISA: all layers but one are frozen, another one in every step.</summary>
    private sealed class OneLayerAtATime(int layers) : IStepRule
    {
        public void BeforeStep(TrainState state)
        {
            foreach (Parameter parameter in state.Trainees.SelectMany(t => t.Groups).SelectMany(g => g.Parameters))
            {
                parameter.Trainable = parameter.Name.Contains($"layers.{state.Step % layers}.", StringComparison.Ordinal);
            }
        }
    }

    /// <summary>Every other column stays as it is.</summary>
    private sealed class EvenColumns : IStepRule
    {
        public static bool Keeps(Parameter parameter, int element) => element % parameter.Value.Width % 2 == 0;

        public bool GradientReady(Parameter parameter, in Tensor gradient)
        {
            for (int i = 0; i < gradient.Span.Length; i++)
            {
                gradient.Span[i] = Keeps(parameter, i) ? gradient.Span[i] : 0f;
            }
            return false;
        }
    }

    /// <summary>As SoRA's proximal step: numbers move towards zero and stay there.</summary>
    private sealed class Shrink(float by) : IStepRule
    {
        public void AfterStep(TrainState state)
        {
            foreach (Parameter parameter in state.Trainees[0].Groups.SelectMany(g => g.Parameters))
            {
                foreach (ref float value in parameter.Value.Span)
                {
                    value = Math.Sign(value) * Math.Max(Math.Abs(value) - by, 0f);
                }
            }
        }
    }

    /// <summary>Gradient descent parameter by parameter, while backward still runs.</summary>
    private sealed class TakeAll(TrainedAdapter adapter) : IStepRule
    {
        public int Taken { get; private set; }

        public int MostHeld { get; private set; }

        public bool GradientReady(Parameter parameter, in Tensor gradient)
        {
            Taken++;
            MostHeld = Math.Max(MostHeld, adapter.Parameters.Count(p => p.HasGradient));
            for (int i = 0; i < gradient.Span.Length; i++)
            {
                parameter.Value.Span[i] -= gradient.Span[i] * (float)Rate;
            }
            return true;
        }
    }
}

/// <summary>Tests that look at what the whole process holds: nothing else may run beside them.</summary>
[CollectionDefinition(nameof(Alone), DisableParallelization = true)]
public sealed class Alone;
