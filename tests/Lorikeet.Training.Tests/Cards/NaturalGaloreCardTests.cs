using Lorikeet.Tensors;
using Lorikeet.Tensors.LinearAlgebra;
using Lorikeet.Training.Tests.Optimizing;
using Xunit.Abstractions;

namespace Lorikeet.Training.Tests.Cards;

/// <summary>Natural GaLore's card.</summary>
public sealed class NaturalGaloreCardTests(ITestOutputHelper output)
{
    [Theory]
    [Trait("Card", "NaturalGaLore 1")]
    [InlineData(5, 1, 1e-3)]
    [InlineData(50, 8, 1e-3)]
    [InlineData(50, 8, 10)]
    [InlineData(30, 3, 1e-6)]
    public void Woodburys_form_is_the_direct_one(int length, int count, double damping)
    {
        double[][] history = [.. Enumerable.Range(0, count).Select(i => Normal(length, i))];
        double[] g = history[^1], got = NaturalGradient.Precondition(history, g, damping);
        Matrix64 fisher = Matrix64.Identity(length).Scale(damping), right = new(length, 1);
        for (int i = 0; i < length; i++)
        {
            right[i, 0] = g[i];
            for (int j = 0; j < length; j++)
            {
                fisher[i, j] += history.Sum(h => h[i] * h[j]);
            }
        }
        Matrix64 direct = Cholesky.Try(fisher)!.Solve(right);
        // The difference of two nearly equal numbers loses |g|^2 / lambda of float64's digits.
        Assert.InRange(Distance(got, direct.Data.ToArray()), 0, 1e-6);
    }

    [Fact]
    [Trait("Card", "NaturalGaLore 2")]
    [Trait("Card", "NaturalGaLore 5")]
    public void Copies_of_one_gradient_shrink_it_by_their_number()
    {
        double[] g = Normal(40, 1);
        double square = g.Sum(v => v * v);
        foreach (int copies in new[] { 1, 2, 7 })
        {
            double[] expected = [.. g.Select(v => v / (0.01 + (copies * square)))];
            Assert.InRange(Distance(NaturalGradient.Precondition([.. Enumerable.Repeat(g, copies)], g, 0.01), expected), 0, 1e-9);
        }
    }

    [Fact]
    [Trait("Card", "NaturalGaLore 2")]
    public void The_first_step_is_that_of_GaLore()
    {
        OptimizerSettings settings = new() { Rank = 4, Eps = 0 };
        using OptimizerBench natural = new("natural-galore", settings, new Shape(20, 12)), plain = new("natural-galore", settings with { History = 0 }, new Shape(20, 12));
        Assert.InRange(OptimizerBench.Difference(natural.Random(1).Value(), plain.Random(1).Value()), 0, 1e-6);
    }

    [Fact]
    [Trait("Card", "NaturalGaLore 3")]
    public void Without_history_or_with_endless_damping_it_is_GaLore()
    {
        OptimizerSettings settings = new() { Rank = 4, Period = 5, Eps = 0 };
        using OptimizerBench none = new("natural-galore", settings with { History = 0 }, new Shape(20, 12)), endless = new("natural-galore", settings with { Damping = 1e6 }, new Shape(20, 12));
        IOptimizer galore = new SubspaceOptimizer(
            "galore", new EarlyAdamW(eps: 0), new TuckerSubspace(_ => 4), new SubspaceOptions { Period = 5, Scale = 0.25 });
        using OptimizerBench plain = new(galore, new Shape(20, 12));
        plain.Random(12);
        Assert.InRange(OptimizerBench.Difference(none.Random(12).Value(), plain.Value()), 0, 1e-6);
        // Adam does not see the factor 1 / lambda, but its squares lose digits in float32.
        Assert.InRange(OptimizerBench.Difference(endless.Random(12).Value(), plain.Value()), 0, 1e-4);
    }

    [Fact]
    [Trait("Card", "NaturalGaLore 4")]
    public void What_is_at_right_angles_to_the_gradient_does_not_change_it()
    {
        double[] g = Normal(30, 1);
        double square = g.Sum(v => v * v);
        double[][] others = [.. Enumerable.Range(2, 4).Select(i =>
        {
            double[] other = Normal(30, i);
            double along = other.Zip(g, (a, b) => a * b).Sum() / square;
            return other.Select((v, j) => v - (along * g[j])).ToArray();
        })];
        double[] alone = NaturalGradient.Precondition([g], g, 0.02), together = NaturalGradient.Precondition([.. others, g], g, 0.02);
        Assert.InRange(Distance(together, alone), 0, 1e-9);
    }

    [Theory]
    [Trait("Card", "NaturalGaLore 6")]
    [InlineData(20, 12, 4)]
    [InlineData(12, 20, 64)]
    public void States_have_the_bytes_of_the_formula_and_the_oldest_gradient_leaves(int rows, int columns, int rank)
    {
        const int History = 3;
        int left = Math.Min(rank, rows), right = Math.Min(rank, columns), inside = left * right;
        using OptimizerBench bench = new("natural-galore", new OptimizerSettings { Rank = rank, History = History, Period = 100 }, new Shape(rows, columns));
        List<float[]> seen = [];
        for (int step = 0; step < 7; step++)
        {
            bench.Random(1);
            Matrix64 low = bench.State("factor0").Transposed().Times(bench.Gradient()).Times(bench.State("factor1"));
            seen.Add([.. low.Data.ToArray().Select(v => (float)v)]);
            // Two counters: of choices, and of gradients in the history.
            Assert.Equal(sizeof(float) * (2L + (left * rows) + (right * columns) + ((2 + History) * inside)), bench.States[0].Bytes);
            Tensor history = bench.States[0]["history"];
            foreach (float[] kept in seen.TakeLast(History))
            {
                Assert.Contains(Enumerable.Range(0, History), i => OptimizerBench.Difference(history.Row(i), kept) < 1e-5);
            }
        }
    }

    [Fact]
    [Trait("Card", "NaturalGaLore 6")]
    public void A_history_may_be_cleared_and_damped_by_its_own_size()
    {
        OptimizerSettings settings = new() { Rank = 4, Period = 3, History = 5, ClearsHistory = true };
        using OptimizerBench bench = new("natural-galore", settings, new Shape(20, 12));
        bench.Random(4);
        Assert.Equal(1f, bench.States[0]["history_length"].Span[0]);
        // With a relative damping gradients of any size take the same path.
        settings = new OptimizerSettings { Rank = 4, RelativeDamping = true, Damping = 0.1, Eps = 0 };
        using OptimizerBench large = new("natural-galore", settings, new Shape(20, 12)), small = new("natural-galore", settings, new Shape(20, 12));
        for (int step = 0; step < 4; step++)
        {
            large.Draw().Step();
            small.Draw();
            foreach (ref float value in small.Gradients[0].Span)
            {
                value *= 1f / 1024;
            }
            small.Step();
        }
        Assert.InRange(OptimizerBench.Difference(large.Value(), small.Value()), 0, 1e-6);
    }

    [Fact]
    [Trait("Card", "NaturalGaLore 7")]
    public void With_tiny_gradients_it_is_GaLore_at_every_rate()
    {
        foreach (double rate in (double[])[1e-3, 1e-2, 1e-1])
        {
            OptimizerSettings settings = new() { Rank = 8, Scale = 1, Period = 1000, Eps = 1e-30 };
            double galore = Bowl(settings with { History = 0 }, rate, 1e-6), natural = Bowl(settings, rate, 1e-6);
            output.WriteLine($"rate {rate}: GaLore {galore:E3}, natural {natural:E3}");
            Assert.InRange(natural / galore, 0.999, 1.001);
        }
    }

    private static double Bowl(OptimizerSettings settings, double rate, double size)
    {
        const int Side = 8;
        using OptimizerBench bench = new("natural-galore", settings, new Shape(Side, Side));
        double[] curvature = [.. Enumerable.Range(0, Side * Side).Select(i => Math.Pow(10, -4.0 * i / ((Side * Side) - 1)))];
        double loss = 0;
        for (int step = 0; step <= 40; step++)
        {
            Span<float> w = bench.Parameters[0].Value.Span, g = bench.Gradients[0].Span;
            loss = 0;
            for (int i = 0; i < w.Length; i++)
            {
                loss += 0.5 * curvature[i] * w[i] * w[i];
                g[i] = (float)(size * curvature[i] * w[i]);
            }
            bench.Step(rate);
        }
        return loss;
    }

    private static double[] Normal(int length, int seed)
    {
        float[] values = new float[length];
        new CounterRandom(7).Named($"{seed}").FillNormal(values, 1f);
        return [.. values.Select(v => (double)v)];
    }

    private static double Distance(double[] x, double[] y) => Math.Sqrt(x.Zip(y, (a, b) => (a - b) * (a - b)).Sum() / y.Sum(b => b * b));
}
