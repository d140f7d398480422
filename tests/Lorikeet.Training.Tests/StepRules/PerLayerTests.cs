using Lorikeet.Tensors;

namespace Lorikeet.Training.Tests.StepRules;

/// <summary>Steps inside backward are those of a step over all parameters, without all gradients at once.</summary>
[Collection(nameof(Alone))]
public sealed class PerLayerTests
{
    private static readonly OptimizerSettings Small = new() { Rank = 6, Period = 4, Smallest = 256, Density = 0.4 };

    public static TheoryData<string, bool> Optimisers => new()
    {
        { "adamw", false }, { "adamw", true }, { "galore", false }, { "galore", true }, { "adamw8bit", false }, { "frugal", false }, { "fira", false }, { "signsgd", false },
        { "natural-galore", false }, { "gradnormlorp", false }, { "adafactor", false },
    };

    [Theory]
    [Trait("Card", "GaLore 6")]
    [MemberData(nameof(Optimisers))]
    public void Weights_and_losses_have_the_bits_of_a_step_over_all_parameters(string optimizer, bool checkpointing)
    {
        using FullModel whole = new(optimizer, settings: Small, checkpointing: checkpointing), parts = new(optimizer, _ => [new PerLayerSteps()], Small, checkpointing: checkpointing);
        for (int step = 0; step < 10; step++)
        {
            StepNumbers one = whole.Trainer.Next()[0], other = parts.Trainer.Next()[0];
            Assert.Equal(one.Loss, other.Loss);
            Assert.InRange(other.GradientNorm / one.GradientNorm, 1 - 1e-6, 1 + 1e-6);
        }
        Assert.Equal(whole.Values, parts.Values);
    }

    [Theory]
    [InlineData(FrugalKind.Blocks)]
    [InlineData(FrugalKind.Basis)]
    public void Whole_matrices_are_chosen_alike(FrugalKind kind)
    {
        OptimizerSettings settings = Small with { Frugal = kind };
        using FullModel whole = new("frugal", settings: settings), parts = new("frugal", _ => [new PerLayerSteps()], settings);
        Assert.Equal(whole.Train(10).Values, parts.Train(10).Values);
    }

    [Theory]
    [InlineData("adamw")]
    [InlineData("galore")]
    public void With_several_micro_batches_parameters_step_once_at_the_boundary(string optimizer)
    {
        using FullModel whole = new(optimizer, settings: Small, accumulation: 3), parts = new(optimizer, _ => [new PerLayerSteps()], Small, accumulation: 3);
        Assert.Equal(whole.Train(6).Values, parts.Train(6).Values);
        Assert.All(parts.Trainee.States.Values, state => Assert.Equal(6, state.Part is null ? state.Steps : state.Part.Steps));
    }

    [Theory]
    [InlineData(false, false)]
    [InlineData(true, false)]
    [InlineData(false, true)]
    [InlineData(true, true)]
    public void All_gradients_never_exist_at_once(bool checkpointing, bool untied)
    {
        const int Layers = 12;
        long whole = Peak(perLayer: false), parts = Peak(perLayer: true);
        using FullModel model = new("signsgd", layers: Layers, untied: untied);
        long all = model.GradientBytes, block = LayerSampling.LayersOf(model.Model)[0].Sum(p => p.Value.Shape.Length) * sizeof(float);
        long table = model.Model.Embedding.Weight.Bytes;
        // The head's gradient stays until the end of backward only where it is the token table's, too. A block that is computed again has all its gradients at its end.
        long most = checkpointing ? block : block / 2;
        Assert.InRange(whole, all, long.MaxValue);
        Assert.InRange(parts, 1, most + table);
        Assert.True(parts < all / 3, $"{parts} bytes of gradients, {all} in all");

        long Peak(bool perLayer)
        {
            using FullModel run = new("signsgd", _ => perLayer ? [new PerLayerSteps()] : [], layers: Layers, checkpointing: checkpointing, untied: untied);
            run.Train(1);
            return run.Trainer.PeakGradientBytes;
        }
    }

    [Fact]
    public void Clipping_is_refused()
    {
        using FullModel model = new("adamw", _ => [new PerLayerSteps()], clip: 1);
        Assert.Contains("--clip 0", Assert.Throws<ArgumentException>(() => model.Train(1)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_gradient_that_is_not_finite_ends_the_run_and_moves_nothing_after_it()
    {
        using FullModel model = new("adamw", _ => [new PerLayerSteps()]);
        model.Train(1);
        // The last norm's gradient comes first of all.
        model.Model.FinalNorm!.Weight.Value.Span[0] = float.PositiveInfinity;
        float[] before = model.Values;
        Assert.Throws<TrainingDivergedException>(() => model.Train(1));
        Assert.Equal(before, model.Values);
    }

    [Theory]
    [InlineData("adamw")]
    [InlineData("galore")]
    [InlineData("frugal")]
    [InlineData("gradnormlorp")]
    public void A_run_goes_on_from_a_checkpoint_to_the_same_bits(string optimizer)
    {
        string folder = Directory.CreateTempSubdirectory("lorikeet-layers-").FullName;
        try
        {
            using FullModel whole = Make(), first = Make(), second = Make();
            whole.Train(9);
            first.Train(5);
            TrainingCheckpoint.Load(TrainingCheckpoint.Save(folder, first.Trainer), second.Trainer);
            Assert.Equal(whole.Values, second.Train(4).Values);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }

        FullModel Make() => new(optimizer, _ => [new PerLayerSteps()], Small);
    }
}
