using System.Text.Json.Nodes;
using Lorikeet.Adapters;
using Lorikeet.Models;
using Lorikeet.Tensors;
using Lorikeet.Tensors.LinearAlgebra;
using Lorikeet.Training.Tests.Optimizing;

namespace Lorikeet.Training.Tests.Cards;

/// <summary>GradNormLoRP's card: as DoRA factors with projected gradients, and on full weights; 6 is in DoRA's reference cases, 7 in the experiments.</summary>
public sealed class GradNormLorpCardTests
{
    [Fact]
    [Trait("Card", "GradNormLoRP 1")]
    public void A_fresh_adapter_leaves_the_models_loss_and_a_fresh_split_its_weights()
    {
        using LanguageModel model = Tiny.Model();
        using TrainedAdapter adapter = Dora(model, 8);
        Batch[] data = [Tiny.Data(1).Next()];
        Assert.InRange(Math.Abs(Evaluator.Run(model, adapter, data).Loss - Evaluator.Run(model, null, data).Loss), 0, 1e-6);
        using OptimizerBench bench = new("gradnormlorp", new OptimizerSettings { Rank = 4 }, new Shape(20, 12));
        float[] before = bench.Value();
        bench.Draw().Step(rate: 0);
        Assert.InRange(OptimizerBench.Difference(bench.Value(), before), 0, 1e-6);
    }

    [Theory]
    [Trait("Card", "GradNormLoRP 2")]
    [InlineData(20, 12)]
    [InlineData(12, 20)]
    public void Rows_have_the_length_of_their_magnitudes_whatever_the_directions_length(int rows, int columns)
    {
        using OptimizerBench bench = new("gradnormlorp", new OptimizerSettings { Rank = 4, Period = 3 }, new Shape(rows, columns));
        using OptimizerBench longer = new("gradnormlorp", new OptimizerSettings { Rank = 4, Period = 3 }, new Shape(rows, columns));
        for (int step = 0; step < 8; step++)
        {
            bench.Random(1);
            for (int row = 0; row < rows; row++)
            {
                Assert.InRange(Math.Sqrt(bench.Parameters[0].Value.Row(row).ToArray().Sum(v => (double)v * v)) / Math.Abs(bench.States[0]["g"].Span[row]), 1 - 1e-5, 1 + 1e-5);
            }
        }
        // A direction that is stretched is the same weight: a step of rate 0 shows it.
        longer.Random(1);
        float[] before = longer.Value();
        foreach (ref float value in longer.States[0]["v"].Row(1))
        {
            value *= 3.5f;
        }
        longer.Draw().Step(rate: 0);
        Assert.InRange(OptimizerBench.Difference(longer.Value(), before), 0, 1e-6);
    }

    [Fact]
    [Trait("Card", "GradNormLoRP 3")]
    public void Gradients_of_magnitude_and_direction_are_exact_and_the_directions_is_at_right_angles_to_it()
    {
        const int Rows = 5, Columns = 7;
        float[] v = Normal(1, Rows * Columns), g = Normal(2, Rows), target = Normal(3, Rows * Columns), gradient = new float[v.Length], dv = new float[v.Length], dg = new float[Rows];
        double[] wide = [.. v.Select(x => (double)x)], magnitudes = [.. g.Select(x => (double)x)];
        double[] w = Weight(wide, magnitudes);
        for (int i = 0; i < gradient.Length; i++)
        {
            gradient[i] = (float)(w[i] - target[i]);
        }
        WeightNorm.Split(gradient, v, g, dv, dg);
        for (int row = 0; row < Rows; row++)
        {
            double along = Enumerable.Range(row * Columns, Columns).Sum(i => (double)dv[i] * v[i]);
            Assert.InRange(Math.Abs(along), 0, 1e-5);
            Assert.InRange(dg[row] - Slope(magnitudes, row), -1e-4, 1e-4);
        }
        for (int i = 0; i < v.Length; i++)
        {
            Assert.InRange(dv[i] - Slope(wide, i), -1e-4, 1e-4);
        }

        double Slope(double[] of, int at)
        {
            double old = of[at];
            of[at] = old + 1e-5;
            double up = Loss();
            of[at] = old - 1e-5;
            double down = Loss();
            of[at] = old;
            return (up - down) / 2e-5;
        }

        double Loss() => 0.5 * Weight(wide, magnitudes).Zip(target, (a, b) => (a - b) * (a - b)).Sum();

        static double[] Weight(double[] v, double[] g)
        {
            double[] to = new double[v.Length];
            for (int row = 0; row < g.Length; row++)
            {
                double norm = Math.Sqrt(v.Skip(row * Columns).Take(Columns).Sum(x => x * x));
                for (int j = 0; j < Columns; j++)
                {
                    to[(row * Columns) + j] = g[row] * v[(row * Columns) + j] / norm;
                }
            }
            return to;
        }
    }

    [Fact]
    [Trait("Card", "GradNormLoRP 4")]
    public void A_trained_adapter_has_the_promised_numbers_and_serves_as_it_merges()
    {
        using LanguageModel model = Tiny.Model();
        using TrainedAdapter adapter = Dora(model, 4);
        Train(model, adapter, "galore", new OptimizerSettings { Rank = 2, Scale = 1, Period = 3 }, 8);
        long expected = model.Sites.OfType<LinearSite>().Where(s => !s.IsHead).Sum(s => (4L * (s.Inputs + s.Outputs)) + s.Outputs);
        Assert.Equal(expected, adapter.ParameterCount);
        LinearSite site = model.Sites.OfType<LinearSite>().First();
        float[] merged = site.Weight.ToArray(), bias = new float[site.Outputs], x = Normal(4, site.Inputs);
        Assert.True(adapter[site]!.Merge(site, merged, bias));
        using ModelRun run = new() { Plan = BatchPlan.For(adapter, 1), Rows = new Rows(1) };
        Tensor input = run.Allocate(1, site.Inputs);
        x.CopyTo(input.Span);
        float[] served = site.Forward(run, input).Span.ToArray();
        for (int o = 0; o < served.Length; o++)
        {
            double sum = 0;
            for (int k = 0; k < x.Length; k++)
            {
                sum += (double)merged[(o * x.Length) + k] * x[k];
            }
            Assert.InRange(served[o] - sum, -1e-5, 1e-5);
        }
    }

    [Fact]
    [Trait("Card", "GradNormLoRP 5")]
    public void A_projection_of_the_factors_rank_changes_nothing_for_gradient_descent_and_a_smaller_one_has_smaller_moments()
    {
        using LanguageModel model = Tiny.Model();
        using TrainedAdapter plain = Dora(model, 4), projected = Dora(model, 4), small = Dora(model, 4);
        List<double> losses = Train(model, plain, new Sgd(), 12);
        SubspaceOptimizer galore = new("galore-sgd", new Sgd(), new BasisSubspace(ProjectionSide.Std, BasisKind.Svd, _ => 4), new SubspaceOptions { Period = 5 });
        Assert.Equal(losses.Count, Train(model, projected, galore, 12).Zip(losses, (a, b) => Math.Abs(a - b) < 1e-4).Count(near => near));
        Train(model, small, "galore", new OptimizerSettings { Rank = 2 }, 2, check: trainee =>
        {
            foreach ((Parameter parameter, OptimizerState state) in trainee.States)
            {
                Tensor value = parameter.Value;
                long expected = value.Shape.Rank == 2 ? GaloreCardTests.Bytes(ProjectionSide.Std, value.Rows, value.Width, 2) : 2 * value.Shape.Length * sizeof(float);
                Assert.Equal(expected, state.Bytes);
            }
        });
    }

    [Fact]
    [Trait("Card", "GradNormLoRP 5")]
    public void On_full_weights_the_moments_are_GaLores_beside_direction_and_magnitude()
    {
        using OptimizerBench bench = new("gradnormlorp", new OptimizerSettings { Rank = 4 }, new Shape(20, 12));
        bench.Random(1);
        Assert.Equal(GaloreCardTests.Bytes(ProjectionSide.Std, 20, 12, 4) + (sizeof(float) * ((20 * 12) + (3 * 20))), bench.States[0].Bytes);
    }

    private static TrainedAdapter Dora(LanguageModel model, int rank) => AdapterMethods.Find("dora").Create(
        "gradnormlorp", model, new JsonObject { ["r"] = rank, ["lora_alpha"] = 2 * rank, ["target_modules"] = "all-linear" }, new CounterRandom(1));

    private static List<double> Train(LanguageModel model, TrainedAdapter adapter, string optimizer, OptimizerSettings settings, int steps, Action<Trainee>? check = null) =>
        Train(model, adapter, Training.Optimizers.Create(optimizer, settings), steps, check);

    private static List<double> Train(LanguageModel model, TrainedAdapter adapter, IOptimizer optimizer, int steps, Action<Trainee>? check = null)
    {
        HashSet<Parameter> matrices = [.. adapter.Parameters.Where(p => p.Value.Shape.Rank == 2)];
        using Trainee trainee = new(
            "a", adapter, Trainee.Group(adapter.Parameters, 0, all: true, matrices), Tiny.Data(1), optimizer, Schedule.Create("constant", new ScheduleSettings { Rate = 0.02 }), null);
        using Trainer trainer = new(model, [trainee], new TrainerOptions());
        List<double> losses = [];
        for (int step = 0; step < steps; step++)
        {
            losses.Add(trainer.Next()[0].Loss);
        }
        check?.Invoke(trainee);
        return losses;
    }

    private static float[] Normal(int seed, int length)
    {
        float[] values = new float[length];
        new CounterRandom(9).Named($"{seed}").FillNormal(values, 1f);
        return values;
    }
}
