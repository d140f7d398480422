using Lorikeet.Models;
using Lorikeet.Models.Files;
using Lorikeet.Tensors;

namespace Lorikeet.Training.Tests.StepRules;

/// <summary>Layers that are drawn: LISA's and OwLore's cards, and checkpoints.</summary>
[Collection(nameof(Alone))]
public sealed class LayerSamplingTests : IDisposable
{
    private readonly string folder = Directory.CreateTempSubdirectory("lorikeet-sampling-").FullName;

    [Theory]
    [Trait("Card", "LISA 1")]
    [InlineData(1)]
    [InlineData(3)]
    public void With_all_layers_drawn_it_is_full_training(int interval)
    {
        using FullModel plain = new("adamw"), drawn = new("adamw", m => [Lisa(m, 2, interval, RestingMoments.Keep)]);
        Assert.Equal(plain.Train(7).Values, drawn.Train(7).Values);
    }

    [Theory]
    [Trait("Card", "LISA 2")]
    [Trait("Card", "LISA 6")]
    [Trait("Card", "OwLore 5")]
    [InlineData("adamw", RestingMoments.Keep)]
    [InlineData("adamw", RestingMoments.Drop)]
    [InlineData("galore", RestingMoments.Drop)]
    public void Resting_layers_keep_their_bits_and_draws_are_made_before_the_steps_0_K_and_2K(string optimizer, RestingMoments moments)
    {
        const int Layers = 5, Interval = 3, Drawn = 2;
        LayerSampling? rule = null;
        using FullModel model = new(optimizer, m => [rule = Lisa(m, Drawn, Interval, moments)], new OptimizerSettings { Rank = 4 }, layers: Layers);
        IReadOnlyList<IReadOnlyList<Parameter>> layers = [.. model.Model.Blocks.Select(b => Of(model.Model, b.Layer))];
        IReadOnlyList<int> before = [];
        bool moved = false;
        for (int step = 0; step < 12; step++)
        {
            float[][] old = [.. layers.Select(Values)];
            float[] table = model.Model.Embedding.Weight.ToArray();
            model.Train(1);
            Assert.Equal(Drawn, rule!.Active.Distinct().Count());
            moved |= step > 0 && !rule.Active.SequenceEqual(before);
            Assert.True(step == 0 || step % Interval == 0 || rule.Active.SequenceEqual(before));
            before = rule.Active;
            // In step 0 the rate is 0.
            for (int layer = 0; layer < Layers && step > 0; layer++)
            {
                Assert.Equal(rule.Active.Contains(layer), !old[layer].SequenceEqual(Values(layers[layer])));
            }
            Assert.Equal(step > 0, !table.SequenceEqual(model.Model.Embedding.Weight.ToArray()));
        }
        Assert.True(moved);
    }

    [Fact]
    [Trait("Card", "LISA 2")]
    public void Each_layer_is_drawn_as_often_as_any_other()
    {
        const int Layers = 8, Count = 3, Draws = 10_000;
        int[] seen = Seen(new WeightedDraw(Layers, Count, new CounterRandom(5)), Layers, Count, Draws);
        double chance = (double)Count / Layers, deviation = Math.Sqrt(Draws * chance * (1 - chance));
        Assert.All(seen, n => Assert.InRange(n, (Draws * chance) - (3 * deviation), (Draws * chance) + (3 * deviation)));
    }

    [Fact]
    [Trait("Card", "OwLore 4")]
    public void First_draws_follow_the_shares_and_all_are_distinct()
    {
        const int Draws = 10_000;
        double[] shares = [0.268, 0.295, 0.1, 0.02, 0.02, 0.05];
        WeightedDraw draw = new(6, 3, new CounterRandom(5), () => shares);
        Assert.Equal(1, draw.Shares.Sum(), 12);
        int[] first = new int[6];
        for (int period = 0; period < Draws; period++)
        {
            first[draw.Draw(period)[0]]++;
        }
        for (int layer = 0; layer < 6; layer++)
        {
            double p = draw.Shares[layer];
            Assert.InRange(first[layer], (Draws * p) - (3 * Math.Sqrt(Draws * p * (1 - p))), (Draws * p) + (3 * Math.Sqrt(Draws * p * (1 - p))));
        }
        int[] seen = Seen(draw, 6, 3, Draws);
        IReadOnlyList<double> chances = draw.Chances();
        Assert.Equal(3, chances.Sum(), 9);
        for (int layer = 0; layer < 6; layer++)
        {
            Assert.InRange(seen[layer] - (Draws * chances[layer]), -4 * Math.Sqrt(Draws * chances[layer] * (1 - chances[layer])), 4 * Math.Sqrt(Draws * chances[layer] * (1 - chances[layer])));
        }
        Assert.Equal([0, 1, 2, 3, 4, 5], new WeightedDraw(6, 6, new CounterRandom(1), () => shares).Draw(9).Order());
    }

    [Fact]
    [Trait("Card", "OwLore 1")]
    public void Shares_of_outliers_are_counted_by_hand_and_chances_have_a_floor()
    {
        // Channel norms 1, 1, 1, 2 over one sample; the scores' mean is 30 / 16, and only one is above four times that.
        using DenseWeight weight = new([1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0.5f, 1, 1, 1, 8], 4, 4);
        double[] squares = [1, 1, 1, 4], scores = new double[4];
        OutlierShares.Scores(weight, 3, squares, 1, scores);
        Assert.Equal([1, 1, 1, 16], scores);
        Assert.Equal(100.0 / 16, OutlierShares.Share([(weight, squares)], 1, 4));
        Assert.Equal(0, OutlierShares.Share([(weight, squares)], 1, 10));
        // Layers' scores are joined before the mean.
        Assert.Equal(100.0 / 32, OutlierShares.Share([(weight, squares), (weight, [0, 0, 0, 0])], 1, 4));
        Assert.Equal([0.75, 0.25], OutlierShares.Chances([3, 1], 0));
        IReadOnlyList<double> floored = OutlierShares.Chances([1, 0, 0], 0.3);
        Assert.Equal(1, floored.Sum(), 12);
        Assert.Equal(0.1 / 1.2, floored[1], 12);
        Assert.Equal([0.5, 0.5], OutlierShares.Chances([0, 0], 0.1));
    }

    [Fact]
    [Trait("Card", "OwLore 1")]
    public void Outliers_are_found_where_they_were_put()
    {
        using FullModel model = new("adamw", layers: 4);
        foreach (LinearSite site in model.Model.Sites.OfType<LinearSite>().Where(s => s.Layer == 2))
        {
            TrainableWeight weight = (TrainableWeight)site.Weight;
            for (int row = 0; row < weight.Outputs; row++)
            {
                weight.Parameter.Value.Row(row)[row % 3 == 0 ? 1 : 2] *= 30;
            }
        }
        Batch[] data = [.. Enumerable.Range(0, 3).Select(_ => Tiny.Data(4).Next())];
        IReadOnlyList<double> shares = OutlierShares.Measure(model.Model, data, 8);
        Assert.True(shares[2] > 2 * shares.Where((_, layer) => layer != 2).Max(), string.Join(", ", shares));
    }

    [Fact]
    [Trait("Card", "LISA 3")]
    public void Gradients_of_active_layers_are_those_of_full_training()
    {
        using FullModel full = new("adamw", layers: 3), drawn = new("adamw", layers: 3);
        full.Trainer.ComputeGradients();
        Dictionary<string, float[]> whole = full.Trainee.States.Keys.ToDictionary(p => p.Name, p => p.Gradient.Span.ToArray());
        foreach (int frozen in (int[])[0, 2])
        {
            foreach (Parameter parameter in Of(drawn.Model, frozen))
            {
                parameter.Trainable = false;
            }
            drawn.Trainee.Data.Position = default;
            drawn.Trainer.ComputeGradients();
            foreach (Parameter parameter in drawn.Trainee.States.Keys)
            {
                Assert.Equal(parameter.Trainable, parameter.HasGradient);
                if (parameter.Trainable)
                {
                    Assert.Equal(whole[parameter.Name], parameter.Gradient.Span.ToArray());
                }
                parameter.Trainable = true;
            }
        }
    }

    [Fact]
    [Trait("Card", "LISA 4")]
    public void Kept_moments_count_a_layers_own_steps_and_dropped_ones_take_no_more_memory_than_the_layers_that_train()
    {
        const int Layers = 4, Interval = 2, Steps = 16;
        LayerSampling? rule = null;
        using FullModel kept = new("adamw", m => [rule = Lisa(m, 1, Interval, RestingMoments.Keep)], layers: Layers);
        int[] active = new int[Layers];
        for (int step = 0; step < Steps; step++)
        {
            kept.Train(1);
            active[rule!.Active[0]]++;
        }
        Assert.Contains(active, n => n > Interval);
        for (int layer = 0; layer < Layers; layer++)
        {
            Assert.All(Of(kept.Model, layer), p => Assert.Equal(active[layer], kept.Trainee.States[p].Steps));
        }
        using FullModel dropped = new("adamw", m => [rule = Lisa(m, 1, Interval, RestingMoments.Drop)], layers: Layers);
        HashSet<long> bytes = [];
        for (int step = 0; step < Steps; step++)
        {
            dropped.Train(1);
            bytes.Add(dropped.StateBytes);
            Assert.All(Of(dropped.Model, rule!.Active[0]), p => Assert.InRange(dropped.Trainee.States[p].Steps, 1, Interval * 3));
        }
        long layerNumbers = Of(dropped.Model, 0).Sum(p => p.Value.Shape.Length), outside = dropped.Trainee.States.Keys.Sum(p => p.Value.Shape.Length) - (Layers * layerNumbers);
        Assert.Equal([2 * sizeof(float) * (outside + layerNumbers)], bytes);
    }

    [Fact]
    [Trait("Card", "LISA 5")]
    public void Frozen_layers_have_no_weight_gradients_and_keep_no_inputs_for_them()
    {
        const int Layers = 6;
        (long fullSaved, long fullGradients) = Memory(_ => []);
        (long saved, long gradients) = Memory(m => [Lisa(m, 1, 5, RestingMoments.Drop)]);
        using FullModel model = new("adamw", layers: Layers);
        long layer = Of(model.Model, 0).Sum(p => p.Value.Shape.Length) * sizeof(float);
        Assert.Equal(model.GradientBytes, fullGradients);
        Assert.Equal(model.GradientBytes - ((Layers - 1) * layer), gradients);
        // What four of seven linear inputs are in a block: two norms' outputs and the gated values; attention's answer is read by its own backward.
        Assert.True(saved < 0.85 * fullSaved, $"{saved} bytes saved for backward, {fullSaved} with all layers");

        (long Saved, long Gradients) Memory(Func<LanguageModel, IReadOnlyList<IStepRule>> rules)
        {
            using FullModel run = new("adamw", rules, layers: Layers);
            run.Train(1);
            return (run.Trainer.PeakSavedBytes, run.Trainer.PeakGradientBytes);
        }
    }

    [Fact]
    [Trait("Card", "OwLore 2")]
    public void With_even_chances_and_without_projection_it_is_LISA()
    {
        using FullModel lisa = new("adamw", m => [Lisa(m, 2, 3, RestingMoments.Drop)], layers: 4);
        using FullModel owlore = new("adamw", m => [new LayerSampling("owlore", LayerSampling.LayersOf(m), new WeightedDraw(4, 2, new CounterRandom(3), () => [2.5, 2.5, 2.5, 2.5]), 3, RestingMoments.Drop)], layers: 4);
        Assert.Equal(lisa.Train(10).Values, owlore.Train(10).Values);
    }

    [Fact]
    [Trait("Card", "OwLore 3")]
    [Trait("Card", "OwLore 6")]
    public void Drawn_layers_step_in_a_low_rank_basis_with_the_bytes_of_the_formula()
    {
        const int Rank = 4;
        LayerSampling? rule = null;
        using FullModel model = new("galore", m => [rule = Lisa(m, 1, 4, RestingMoments.Drop)], new OptimizerSettings { Rank = Rank, Period = 3, Scale = 1 }, layers: 3, decay: 0);
        model.Train(6);
        Assert.Contains(model.Trainee.Groups, g => g.Projected);
        foreach (Parameter parameter in model.Trainee.Groups.Where(g => g.Projected).SelectMany(g => g.Parameters))
        {
            bool active = Of(model.Model, rule!.Active[0]).Contains(parameter);
            OptimizerState state = model.Trainee.States[parameter];
            int rows = parameter.Value.Rows, columns = parameter.Value.Width;
            Assert.Equal(active ? Cards.GaloreCardTests.Bytes(ProjectionSide.Std, rows, columns, Rank) : 0, state.Bytes);
            if (!active)
            {
                continue;
            }
            bool right = rows >= columns;
            Tensor basis = state[right ? "right" : "left"];
            Assert.Equal(right ? new Shape(rows, Rank) : new Shape(Rank, columns), state.Part!["exp_avg"].Shape);
            for (int i = 0; i < Rank; i++)
            {
                for (int j = 0; j < Rank; j++)
                {
                    double sum = 0;
                    for (int k = 0; k < (right ? columns : rows); k++)
                    {
                        sum += right ? basis.Row(i)[k] * basis.Row(j)[k] : basis.Row(k)[i] * basis.Row(k)[j];
                    }
                    Assert.InRange(sum, (i == j ? 1 : 0) - 1e-5, (i == j ? 1 : 0) + 1e-5);
                }
            }
            // A layer's own steps: two of the second period.
            Assert.Equal(2, state.Steps);
        }
    }

    [Theory]
    [InlineData("adamw", RestingMoments.Keep, false)]
    [InlineData("adamw", RestingMoments.Drop, false)]
    [InlineData("galore", RestingMoments.Drop, true)]
    [InlineData("adamw8bit", RestingMoments.Keep, true)]
    public void A_run_goes_on_in_the_middle_of_a_period_to_the_same_bits(string optimizer, RestingMoments moments, bool perLayer)
    {
        int measured = 0;
        using FullModel whole = Make(), first = Make(), second = Make();
        whole.Train(13);
        first.Train(7);
        string checkpoint = TrainingCheckpoint.Save(folder, first.Trainer);
        measured = 0;
        TrainingCheckpoint.Load(checkpoint, second.Trainer);
        Assert.Equal(whole.Values, second.Train(6).Values);
        // Outliers are those of the start: they are not counted again.
        Assert.Equal(0, measured);

        FullModel Make() => new(
            optimizer,
            m =>
            [
                new LayerSampling(
                    "owlore",
                    LayerSampling.LayersOf(m),
                    new WeightedDraw(5, 2, new CounterRandom(3), () =>
                    {
                        measured++;
                        return OutlierShares.Chances(OutlierShares.Measure(m, [Tiny.Data(4).Next()], 3), 0.1);
                    }),
                    4,
                    moments),
                .. perLayer ? [new PerLayerSteps()] : Array.Empty<IStepRule>(),
            ],
            new OptimizerSettings { Rank = 4, Period = 3, Smallest = 256 },
            layers: 5);
    }

    [Fact]
    public void A_checkpoint_of_other_rules_or_layers_is_refused()
    {
        using FullModel drawn = new("adamw", m => [Lisa(m, 1, 4, RestingMoments.Drop)]), plain = new("adamw"), other = new("adamw", m => [Lisa(m, 1, 4, RestingMoments.Drop)]);
        string checkpoint = TrainingCheckpoint.Save(folder, drawn.Train(2).Trainer);
        Assert.Contains("lisa", Assert.Throws<BadFileException>(() => TrainingCheckpoint.Load(checkpoint, plain.Trainer)).Message, StringComparison.Ordinal);
        string path = Path.Combine(checkpoint, "training.json"), text = File.ReadAllText(path);
        foreach (string broken in (string[])["\"active\":[9]", "\"active\":[0,0]", "\"active\":[-1]", "\"active\":{}"])
        {
            File.WriteAllText(path, System.Text.RegularExpressions.Regex.Replace(text, "\"active\":\\[[0-9]\\]", broken));
            Assert.Throws<BadFileException>(() => TrainingCheckpoint.Load(checkpoint, other.Trainer));
        }
        File.WriteAllText(path, System.Text.RegularExpressions.Regex.Replace(text, "\"draw\":\\[[^]]*\\]", "\"draw\":[1,-1]"));
        Assert.Throws<BadFileException>(() => TrainingCheckpoint.Load(checkpoint, other.Trainer));
    }

    [Fact]
    public void Settings_that_cannot_be_meant_are_refused()
    {
        using FullModel model = new("adamw", layers: 3);
        using LanguageModel frozen = Tiny.Model();
        StepRuleContext context = new(model.Model, new StepRuleSettings(), new CounterRandom(1), _ => []);
        Assert.Contains("sorcery", Assert.Throws<NotSupportedException>(() => Training.StepRules.Create("sorcery", context)).Message, StringComparison.Ordinal);
        Assert.Contains("--method full", Assert.Throws<ArgumentException>(() => Training.StepRules.Create("lisa", context with { Model = frozen })).Message, StringComparison.Ordinal);
        Assert.Throws<ArgumentException>(() => Training.StepRules.Create("lisa", context with { Settings = new StepRuleSettings { Layers = 4 } }));
        Assert.Throws<ArgumentException>(() => Training.StepRules.Create("lisa", context with { Settings = new StepRuleSettings { Interval = 0 } }));
        Assert.Throws<ArgumentException>(() => Training.StepRules.Create("owlore", context with { Settings = new StepRuleSettings { Floor = 0 } }));
        Assert.Contains("layers", Assert.Throws<ArgumentException>(() => StepRuleOption.Read(new StepRuleSettings(), new Dictionary<string, string> { ["layer"] = "1" })).Message, StringComparison.Ordinal);
        Assert.Contains("keep, drop", Assert.Throws<ArgumentException>(() => StepRuleOption.Read(new StepRuleSettings(), new Dictionary<string, string> { ["moments"] = "burn" })).Message, StringComparison.Ordinal);
        StepRuleSettings read = StepRuleOption.Read(new StepRuleSettings(), new Dictionary<string, string> { ["layers"] = "3", ["moments"] = "keep", ["floor"] = "0.5" });
        Assert.Equal((3, RestingMoments.Keep, 0.5), (read.Layers, read.Moments, read.Floor));
    }

    public void Dispose() => Directory.Delete(folder, recursive: true);

    private static LayerSampling Lisa(LanguageModel model, int layers, int interval, RestingMoments moments) =>
        new("lisa", LayerSampling.LayersOf(model), new WeightedDraw(model.Blocks.Count, layers, new CounterRandom(3)), interval, moments);

    private static List<Parameter> Of(LanguageModel model, int layer) =>
        [.. model.Sites.Where(s => s.Layer == layer).SelectMany(s => s.Tensors).SelectMany(t => t.Weight?.Parameters ?? [t.Vector!])];

    private static float[] Values(IReadOnlyList<Parameter> parameters) => [.. parameters.SelectMany(p => p.Value.Span.ToArray())];

    private static int[] Seen(WeightedDraw draw, int layers, int count, int draws)
    {
        int[] seen = new int[layers];
        for (int period = 0; period < draws; period++)
        {
            IReadOnlyList<int> drawn = draw.Draw(period);
            Assert.Equal(count, drawn.Distinct().Count());
            foreach (int layer in drawn)
            {
                seen[layer]++;
            }
        }
        return seen;
    }
}
