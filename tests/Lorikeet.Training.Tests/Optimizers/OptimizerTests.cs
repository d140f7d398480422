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
    public void Every_optimisers_state_has_the_bytes_that_its_formula_says()
    {
        const int M = 64, N = 80, All = M * N, R = 8, History = 5, Low = R * N;
        const long Basis = (R * M) + 1, Two = R * (M + N);
        OptimizerSettings plain = new(), low = new() { Rank = R, History = History, Smallest = 256, Density = 0.25 };
        Dictionary<string, (OptimizerSettings Settings, long Bytes)> expected = new()
        {
            ["adamw"] = (plain, 4L * 2 * All),
            ["adam"] = (plain, 4L * 2 * All),
            ["adamax"] = (plain, 4L * 2 * All),
            ["early-adamw"] = (plain, 4L * 2 * All),
            ["lora-fa"] = (plain, 4L * 2 * All),
            ["sgd"] = (new OptimizerSettings { Momentum = 0.9 }, 4L * All),
            ["lion"] = (plain, 4L * All),
            ["signsgd"] = (plain, 0),
            ["rmsprop"] = (new OptimizerSettings { Momentum = 0.9, Centered = true }, 4L * 3 * All),
            ["muon"] = (plain, 4L * All),
            // The parameter's RMS is kept beside row and column means.
            ["adafactor"] = (plain, 4L * (M + N + 1)),
            ["sm3"] = (plain, 4L * (M + N + 1)),
            ["adamw8bit"] = (plain, (2L * All) + (4L * 2 * ((All + 255) / 256))),
            ["galore"] = (low, 4 * (Basis + (2 * Low))),
            ["galore-adamw8bit"] = (low, (4 * Basis) + (2 * Low) + (4 * 2 * ((Low + 255) / 256))),
            ["galore-adafactor"] = (low, 4 * (Basis + R + N + 1)),
            // Beside the choices, gradients in the history are counted.
            ["natural-galore"] = (low, 4 * (Two + ((2 + History) * R * R) + 2)),
            ["online-galore"] = (low, 4 * ((3 * Two) + (2 * R * R) + 1)),
            ["fira"] = (low, 4 * (Basis + (2 * Low) + 1)),
            ["frugal"] = (low, 4 * ((2 * All / 4) + (N / 4) + 1)),
            ["gradnormlorp"] = (low, 4 * (Basis + (2 * Low) + All + (3 * M))),
        };
        Assert.Equal(Training.Optimizers.All.Keys.Order(StringComparer.Ordinal), expected.Keys.Order(StringComparer.Ordinal));
        foreach ((string name, (OptimizerSettings settings, long bytes)) in expected)
        {
            using OptimizerBench bench = new(name, settings, new Shape(M, N));
            bench.Random(3);
            Assert.True(bytes == bench.States[0].Bytes, $"{name}: {bench.States[0].Bytes} bytes, {bytes} expected");
        }
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
