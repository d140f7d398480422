using Lorikeet.Tensors;

namespace Lorikeet.Training;

/// <summary>The step rules that a run's settings ask for: one line each.</summary>
internal static class RunRules
{
    /// <summary>The rules, in the order in which they are asked.</summary>
    /// <param name="parts">Model, adapters and data of the run; its trainer does not exist yet.</param>
    public static IReadOnlyList<IStepRule> Create(RunParts parts)
    {
        ArgumentNullException.ThrowIfNull(parts);
        RunSettings settings = parts.Settings;
        List<IStepRule> rules = [];
        if (settings.StepRule is { } name)
        {
            StepRuleSettings own = StepRuleOption.Read(new StepRuleSettings(), settings.StepRuleOptions);
            rules.Add(StepRules.Create(name, new StepRuleContext(parts.Model, own, new CounterRandom((ulong)settings.Seed).Named("rules"), count => First(parts.Data[0].Train, count))));
        }
        if (settings.PerLayer)
        {
            // Last, so that the others see a gradient before it is gone.
            rules.Add(new PerLayerSteps());
        }
        return rules;
    }

    /// <summary>The first batches of training data, which training will see again.</summary>
    private static List<Batch> First(IBatchSource data, int count)
    {
        DataPosition now = data.Position;
        data.Position = default;
        List<Batch> batches = [.. Enumerable.Range(0, count).Select(_ => data.Next())];
        data.Position = now;
        return batches;
    }
}
