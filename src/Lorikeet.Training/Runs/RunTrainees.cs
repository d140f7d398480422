using Lorikeet.Adapters;
using Lorikeet.Models;
using Lorikeet.Tensors;

namespace Lorikeet.Training;

/// <summary>Makes what a run trains: an adapter for each data file, or the model's own weights, with optimiser and rates.</summary>
internal static class RunTrainees
{
    /// <summary>The adapter of a data file; null where the model's own weights train.</summary>
    public static TrainedAdapter? Adapter(RunSettings settings, LanguageModel model, RunData own)
    {
        if (settings.Method == "full")
        {
            return null;
        }
        CounterRandom random = new CounterRandom((ulong)settings.Seed).Named("start");
        TrainedAdapter adapter = AdapterMethods.Find(settings.Method).Create(own.Name, model, settings.MethodOptions, random);
        if (own.Labels.Count > 0)
        {
            Classifiers.Attach(adapter, own.Labels, random);
        }
        return adapter;
    }

    /// <summary>The trainee of a data file.</summary>
    public static Trainee Create(RunSettings settings, LanguageModel model, RunData data, TrainedAdapter? adapter, int steps)
    {
        double decay = settings.WeightDecay ?? adapter?.Method.WeightDecay ?? 0.1;
        OptimizerSettings own = OptimizerOption.Read(Defaults(settings), settings.OptimizerOptions);
        if (settings.Optimizer == "lora-fa")
        {
            own = own with { Pairs = LoraFa.Freeze(adapter ?? throw new ArgumentException("lora-fa trains the B of a LoRA adapter: use it with --method lora")) };
        }
        return new Trainee(
            data.Name, adapter, Groups(settings, model, adapter, decay, own), data.Train, Optimizers.Create(settings.Optimizer, own), Schedule(settings, steps),
            settings.Clip > 0 ? settings.Clip : null)
        {
            Objective = settings.Objective,
        };
    }

    private static IReadOnlyList<ParameterGroup> Groups(RunSettings settings, LanguageModel model, TrainedAdapter? adapter, double decay, OptimizerSettings own)
    {
        HashSet<Parameter> projected = Projected(model, adapter);
        if (own.LoraPlus is { } ratio)
        {
            return LoraPlus.Group(
                adapter ?? throw new ArgumentException("loraplus sets the rate of an adapter's B: use it with --method lora or dora"), decay, ratio, Rate(settings),
                own.LoraPlusEmbeddingRate ?? LoraPlus.EmbeddingRate, projected: true);
        }
        // Of a model, matrices decay; of an adapter, all that trains does, as with PyTorch's optimisers without groups.
        return Trainee.Group(adapter?.Parameters ?? model.TrainedParameters, decay, all: adapter is not null, projected);
    }

    /// <summary>Language models are pre-trained with a second moment that forgets faster (Brown et al., arXiv 2005.14165).</summary>
    private static OptimizerSettings Defaults(RunSettings settings) => new() { Beta2 = settings.Shape is null ? null : 0.95, Seed = (int)(settings.Seed & int.MaxValue) };

    private static Schedule Schedule(RunSettings settings, int steps) => Training.Schedule.Create(settings.Schedule, new ScheduleSettings
    {
        Rate = Rate(settings),
        Warmup = settings.Warmup ?? steps / 20,
        Steps = steps,
        DecaySteps = Math.Max(1, steps / 5),
        MinimumShare = settings.Schedule.Contains("min_lr", StringComparison.OrdinalIgnoreCase) ? 0.1 : null,
    });

    private static double Rate(RunSettings settings) => settings.Rate ?? (
        settings.Shape is not null ? 2e-3 : settings.Method == "full" ? 2e-5 : AdapterMethods.Find(settings.Method).LearningRate);

    /// <summary>What an optimiser of a subspace projects: an adapter's matrices; of a model those of its blocks' linear layers.</summary>
    private static HashSet<Parameter> Projected(LanguageModel model, TrainedAdapter? adapter) => adapter is not null
        ? [.. adapter.Parameters.Where(p => p.Value.Shape.Rank == 2)]
        : [.. model.Sites.OfType<LinearSite>().Where(site => !site.IsHead).SelectMany(site => site.Weight.Parameters).Where(p => p.Value.Shape.Rank == 2)];
}
