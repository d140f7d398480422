using Lorikeet.Kernels;
using Lorikeet.Tensors;

namespace Lorikeet.Training.Tests.Optimizing;

/// <summary>Formulas are compared with PyTorch by the reference cases; these tests need no files.</summary>
public class OptimizerTests
{
    // Muon takes matrices only.
    public static TheoryData<string> Names => [.. Training.Optimizers.All.Keys.Where(name => name != "muon")];

    [Theory]
    [MemberData(nameof(Names))]
    public void Bits_depend_neither_on_the_team_nor_on_neighbours(string name)
    {
        float[] one = Steps(name, 1, lengths: [20_011, 7]), three = Steps(name, 3, lengths: [20_011, 7]), alone = Steps(name, 2, lengths: [20_011]);
        Assert.Equal(one, three);
        Assert.Equal(one[..20_011], alone);
        Assert.All(one, v => Assert.True(float.IsFinite(v)));
    }

    [Fact]
    public void The_first_step_of_adamw_is_the_rate_towards_the_gradients_sign()
    {
        using Parameter parameter = new("w", Storage.Zeros(new Shape(3)));
        parameter.Value.Span.Fill(2f);
        Tensor gradient = Storage.Zeros(new Shape(3));
        ((ReadOnlySpan<float>)[5f, -0.01f, 0f]).CopyTo(gradient.Span);
        IOptimizer optimizer = new AdamW();
        using OptimizerState state = optimizer.Begin(parameter);
        optimizer.Step([new Update(parameter, gradient, state, 0.1, 0.5)]);
        float decayed = 2f * (1 - (0.1f * 0.5f));
        Assert.Equal([decayed - 0.1f, decayed + 0.1f, decayed], parameter.Value.Span.ToArray().Select(v => MathF.Round(v, 5)));
        gradient.Free();
    }

    [Fact]
    public void An_unknown_optimiser_is_refused_by_name() =>
        Assert.Contains("sorcery", Assert.Throws<NotSupportedException>(() => Training.Optimizers.Create("sorcery")).Message, StringComparison.Ordinal);

    private static float[] Steps(string name, int threads, int[] lengths)
    {
        int before = Team.Shared.Threads;
        Team.Use(threads);
        IOptimizer optimizer = Training.Optimizers.Create(name, new OptimizerSettings { Momentum = 0.9 });
        List<(Parameter Parameter, Tensor Gradient, OptimizerState State)> items = [];
        try
        {
            foreach (int length in lengths)
            {
                Parameter parameter = new($"p{length}", Storage.Zeros(new Shape(length)));
                new CounterRandom(1).FillNormal(parameter.Value.Span, 1f);
                items.Add((parameter, Storage.Zeros(new Shape(length)), optimizer.Begin(parameter)));
            }
            for (int step = 0; step < 4; step++)
            {
                foreach ((Parameter parameter, Tensor gradient, _) in items)
                {
                    new CounterRandom(2).Named($"{parameter.Name}/{step}").FillNormal(gradient.Span, 0.1f);
                }
                optimizer.Step([.. items.Select(i => new Update(i.Parameter, i.Gradient, i.State, 0.01, 0.1))]);
            }
            return [.. items.SelectMany(i => i.Parameter.Value.Span.ToArray())];
        }
        finally
        {
            Team.Use(before);
            foreach ((Parameter parameter, Tensor gradient, OptimizerState state) in items)
            {
                parameter.Dispose();
                gradient.Free();
                state.Dispose();
            }
        }
    }
}
