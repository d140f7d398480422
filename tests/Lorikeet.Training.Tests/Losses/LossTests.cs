using Lorikeet.Adapters;
using Lorikeet.Models;
using Lorikeet.Tensors;

namespace Lorikeet.Training.Tests.Losses;

public class LossTests
{
    [Theory]
    [InlineData("dpo", 0)]
    [InlineData("dpo", 0.2)]
    [InlineData("ipo", 0)]
    [InlineData("orpo", 0)]
    public void Slopes_of_preference_losses_are_their_derivatives(string name, double smoothing)
    {
        PreferenceLoss loss = new() { Name = name, Beta = 0.3, Smoothing = smoothing };
        loss.Check();
        foreach ((double c, double r) in ((double, double)[])[(-3, -5), (-9, -2.5), (-0.4, -0.3)])
        {
            AnswerLikelihood chosen = new(c, -4, 3), rejected = new(r, -3, 5);
            (_, double atChosen, double atRejected) = loss.Of(chosen, rejected);
            const double h = 1e-5;
            Assert.Equal((loss.Of(chosen with { Policy = c + h }, rejected).Loss - loss.Of(chosen with { Policy = c - h }, rejected).Loss) / (2 * h), atChosen, 6);
            Assert.Equal((loss.Of(chosen, rejected with { Policy = r + h }).Loss - loss.Of(chosen, rejected with { Policy = r - h }).Loss) / (2 * h), atRejected, 6);
        }
    }

    [Theory]
    [InlineData("dpo", BatchKind.Pairs)]
    [InlineData("orpo", BatchKind.Pairs)]
    [InlineData("dpo", BatchKind.Classes)]
    public void Gradients_of_a_step_are_differences_of_its_loss(string name, BatchKind kind)
    {
        using LanguageModel model = Tiny.Model();
        using TrainedAdapter adapter = Tiny.Lora(model, "a", 3);
        if (kind == BatchKind.Classes)
        {
            Classifiers.Attach(adapter, ["no", "maybe", "yes"], new CounterRandom(5));
        }
        Shake(adapter);
        Batch batch = kind == BatchKind.Pairs
            ? new Batch([1, 2, 3, 4, 1, 2, 9], [-1, 3, 4, 5, -1, 9, 8], [4, 3], kind: kind)
            : new Batch([1, 2, 3, 4, 1, 2, 9], [-1, -1, -1, 2, -1, -1, 0], [4, 3], kind: kind);
        using Trainee trainee = Tiny.Trainee("a", adapter, new FixedBatches([batch]), objective: new Objective { Preference = new PreferenceLoss { Name = name } });
        using Trainer trainer = new(model, [trainee], new TrainerOptions());
        trainer.ComputeGradients();
        foreach (Parameter parameter in adapter.Parameters.Where(p => p.Trainable).Take(3).Append(adapter.Parameters.Last()))
        {
            float gradient = parameter.Gradient.Span[1];
            Span<float> value = parameter.Value.Span;
            float old = value[1];
            const float h = 4e-3f;
            value[1] = old + h;
            double up = trainer.Evaluate(0, [batch]).Loss;
            value[1] = old - h;
            double down = trainer.Evaluate(0, [batch]).Loss;
            value[1] = old;
            Assert.Equal((up - down) / (2 * h), gradient, 2e-3 * Math.Max(1, Math.Abs(gradient)));
        }
    }

    [Fact]
    public void Heads_of_different_sizes_texts_and_pairs_share_a_batch_without_seeing_each_other()
    {
        using LanguageModel model = Tiny.Model();
        Batch[] batches =
        [
            new([1, 2, 3], [-1, -1, 2], [3], kind: BatchKind.Classes),
            new([5, 6, 7, 8], [-1, 1, -1, 0], [2, 2], kind: BatchKind.Classes),
            new([5, 6, 7], [6, 7, 8], [3]),
            new([1, 2, 1, 3], [-1, 7, -1, 8], [2, 2], kind: BatchKind.Pairs),
        ];
        int[] labels = [3, 2, 0, 0];
        TrainedAdapter[] adapters = [.. labels.Select((count, i) =>
        {
            TrainedAdapter adapter = Tiny.Lora(model, $"a{i}", i + 1);
            if (count > 0)
            {
                Classifiers.Attach(adapter, [.. Enumerable.Range(0, count).Select(l => $"c{l}")], new CounterRandom((ulong)i));
            }
            Shake(adapter);
            return adapter;
        })];
        double[] alone = new double[4];
        float[][] aloneGradients = new float[4][];
        for (int i = 0; i < 4; i++)
        {
            using Trainee one = Tiny.Trainee("x", adapters[i], new FixedBatches([batches[i]]));
            using Trainer trainer = new(model, [one], new TrainerOptions());
            alone[i] = trainer.ComputeGradients()[0];
            aloneGradients[i] = Gradients(adapters[i]);
        }
        Trainee[] all = [.. adapters.Select((a, i) => Tiny.Trainee($"x{i}", a, new FixedBatches([batches[i]])))];
        using (Trainer together = new(model, all, new TrainerOptions()))
        {
            Assert.Equal(alone, together.ComputeGradients());
            for (int i = 0; i < 4; i++)
            {
                Assert.Equal(aloneGradients[i], Gradients(adapters[i]));
            }
        }
        foreach (IDisposable part in all.Cast<IDisposable>().Concat(adapters))
        {
            part.Dispose();
        }
    }

    [Fact]
    public void Smoothing_is_trained_with_and_not_measured()
    {
        using LanguageModel model = Tiny.Model();
        using TrainedAdapter adapter = Tiny.Lora(model, "a", 3);
        Batch batch = new([1, 2, 3, 4], [2, 3, 4, 5], [4]);
        using Trainee trainee = Tiny.Trainee("a", adapter, new FixedBatches([batch]), objective: new Objective { LabelSmoothing = 0.2, ZLoss = 0.01 });
        using Trainer trainer = new(model, [trainee], new TrainerOptions());
        double trained = trainer.ComputeGradients()[0], measured = trainer.Evaluate(0, [batch]).Loss;
        Assert.Equal(Evaluator.Run(model, adapter, [batch]).Loss, measured);
        Assert.True(trained > measured + 0.05, $"{trained} {measured}");
    }

    [Fact]
    public void Settings_that_cannot_be_meant_are_refused()
    {
        Assert.Throws<ArgumentException>(() => new Objective { LabelSmoothing = 1 }.Check());
        Assert.Throws<ArgumentException>(() => new Objective { ZLoss = double.NaN }.Check());
        Assert.Throws<ArgumentException>(() => new PreferenceLoss { Name = "dpa" }.Check());
        Assert.Throws<ArgumentException>(() => new PreferenceLoss { Name = "ipo", Smoothing = 0.1 }.Check());
        Assert.Throws<ArgumentException>(() => new PreferenceLoss { Beta = 0 }.Check());
    }

    // A fresh LoRA changes nothing, and half of its gradients are zero.
    private static void Shake(TrainedAdapter adapter)
    {
        CounterRandom random = new(77);
        foreach (Parameter parameter in adapter.Parameters)
        {
            random.Named(parameter.Name).FillUniform(parameter.Value.Span, -0.3f, 0.3f);
        }
    }

    private static float[] Gradients(TrainedAdapter adapter) => [.. adapter.Parameters.SelectMany(p => p.HasGradient ? p.Gradient.Span.ToArray() : [])];
}
