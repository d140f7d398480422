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
    public static Trainee Create(RunSettings settings, LanguageModel model, RunData own, TrainedAdapter? adapter, int steps)
    {
        double decay = settings.WeightDecay ?? adapter?.Method.WeightDecay ?? 0.1;
        // Of a model, matrices decay; of an adapter, all that trains does, as with PyTorch's optimisers without groups.
        IReadOnlyList<ParameterGroup> groups = Trainee.Group(
            adapter?.Parameters ?? model.TrainedParameters, decay, all: adapter is not null, Projected(model, adapter));
        return new Trainee(
            own.Name, adapter, groups, own.Train, Optimizer(settings), Schedule(settings, steps), settings.Clip > 0 ? settings.Clip : null)
        {
            Objective = settings.Objective,
        };
    }

    private static IOptimizer Optimizer(RunSettings settings)
    {
        // Language models are pre-trained with a second moment that forgets faster (Brown et al., arXiv 2005.14165).
        OptimizerSettings own = settings.Shape is null ? new OptimizerSettings() : new OptimizerSettings { Beta2 = 0.95 };
        return Optimizers.Create(settings.Optimizer, OptimizerOption.Read(own with { Seed = (int)(settings.Seed & int.MaxValue) }, settings.OptimizerOptions));
    }

    private static Schedule Schedule(RunSettings settings, int steps) => Training.Schedule.Create(settings.Schedule, new ScheduleSettings
    {
        Rate = settings.Rate ?? DefaultRate(settings),
        Warmup = settings.Warmup ?? steps / 20,
        Steps = steps,
        DecaySteps = Math.Max(1, steps / 5),
        MinimumShare = settings.Schedule.Contains("min_lr", StringComparison.OrdinalIgnoreCase) ? 0.1 : null,
    });

    private static double DefaultRate(RunSettings settings) =>
        settings.Shape is not null ? 2e-3 : settings.Method == "full" ? 2e-5 : AdapterMethods.Find(settings.Method).LearningRate;

    /// <summary>What an optimiser of a subspace projects: an adapter's matrices; of a model those of its blocks' linear layers.</summary>
    private static HashSet<Parameter> Projected(LanguageModel model, TrainedAdapter? adapter) => adapter is not null
        ? [.. adapter.Parameters.Where(p => p.Value.Shape.Rank == 2)]
        : [.. model.Sites.OfType<LinearSite>().Where(site => !site.IsHead).SelectMany(site => site.Weight.Parameters).Where(p => p.Value.Shape.Rank == 2)];
}
