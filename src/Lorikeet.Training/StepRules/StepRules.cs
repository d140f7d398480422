using Lorikeet.Models;
using Lorikeet.Tensors;

namespace Lorikeet.Training;

/// <summary>What a step rule is made for.</summary>
/// <param name="Model">The model; its weights train, or an adapter's.</param>
/// <param name="Settings">The rule's settings; what is null has the rule's default.</param>
/// <param name="Random">The seed.</param>
/// <param name="Data">Batches of the training data, for rules that look at the model before the first step; asked for only then.</param>
public sealed record StepRuleContext(LanguageModel Model, StepRuleSettings Settings, CounterRandom Random, Func<int, IEnumerable<Batch>> Data);

/// <summary>The step rules by name: one line each.</summary>
public static class StepRules
{
    /// <summary>Names and how each is made.</summary>
    public static IReadOnlyDictionary<string, Func<StepRuleContext, IStepRule>> All { get; } =
        new Dictionary<string, Func<StepRuleContext, IStepRule>>(StringComparer.OrdinalIgnoreCase)
        {
            ["lisa"] = Lisa,
            ["owlore"] = Owlore,
        };

    /// <summary>Makes a step rule.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="context">What it is made for.</param>
    /// <exception cref="NotSupportedException">There is none of that name.</exception>
    /// <exception cref="ArgumentException">A setting is out of its range, or the rule does not fit what trains.</exception>
    public static IStepRule Create(string name, StepRuleContext context)
    {
        ArgumentNullException.ThrowIfNull(name);
        return All.TryGetValue(name, out Func<StepRuleContext, IStepRule>? make)
            ? make(context)
            : throw new NotSupportedException($"step rule {name} is not built yet: this version has {string.Join(", ", All.Keys)}");
    }

    /// <summary>LISA: 2 layers for 20 steps, drawn evenly. Source: arXiv 2403.17919.</summary>
    private static LayerSampling Lisa(StepRuleContext context) => Sampling("lisa", context, layers: 2, interval: 20, shares: null);

    /// <summary>OwLore: 5 layers for 50 steps, drawn by their shares of outliers; its low-rank steps are an optimiser's matter (galore). Source: arXiv 2405.18380.</summary>
    private static LayerSampling Owlore(StepRuleContext context)
    {
        StepRuleSettings s = context.Settings;
        double threshold = s.Threshold ?? 13, floor = s.Floor ?? 0.1;
        int calibration = s.Calibration ?? 16;
        Require(threshold > 0, "threshold", "above 0");
        Require(floor is > 0 and <= 1, "floor", "above 0 and at most 1");
        Require(calibration > 0, "calibration", "at least 1 batch");
        return Sampling(
            "owlore", context, layers: 5, interval: 50, () => OutlierShares.Chances(OutlierShares.Measure(context.Model, context.Data(calibration), threshold), floor));
    }

    private static LayerSampling Sampling(string name, StepRuleContext context, int layers, int interval, Func<IReadOnlyList<double>>? shares)
    {
        IReadOnlyList<IReadOnlyList<Parameter>> all = LayerSampling.LayersOf(context.Model);
        // The published number may be more than a small model has; one that is asked for is not changed.
        WeightedDraw draw = new(all.Count, context.Settings.Layers ?? Math.Min(layers, all.Count), context.Random.Named(name), shares);
        return new LayerSampling(name, all, draw, context.Settings.Interval ?? interval, context.Settings.Moments ?? RestingMoments.Drop);
    }

    private static void Require(bool holds, string what, string expected)
    {
        if (!holds)
        {
            throw new ArgumentException($"step-rule-option {what} must be {expected}");
        }
    }
}
