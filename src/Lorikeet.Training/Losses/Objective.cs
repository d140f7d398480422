using Lorikeet.Kernels;

namespace Lorikeet.Training;

/// <summary>What a trainee's loss is made of, beside the likelihood of its targets.</summary>
public sealed record Objective
{
    /// <summary>e of label smoothing, from 0 (the default: none) to below 1.</summary>
    public double LabelSmoothing { get; init; }

    /// <summary>The coefficient of the z-loss, logsumexp(logits)^2; 0 (the default): none.</summary>
    public double ZLoss { get; init; }

    /// <summary>How pairs of answers are compared; for batches of pairs only.</summary>
    public PreferenceLoss Preference { get; init; } = new();

    /// <summary>The additions to each target's cross-entropy.</summary>
    internal CrossEntropyTerms Terms => new((float)LabelSmoothing, (float)ZLoss);

    /// <summary>Refuses settings that cannot be meant.</summary>
    /// <exception cref="ArgumentException">A setting is out of its range.</exception>
    public void Check()
    {
        if (LabelSmoothing is not (>= 0 and < 1))
        {
            throw new ArgumentException($"label smoothing is {LabelSmoothing}; expected from 0 to below 1");
        }
        if (!(ZLoss >= 0) || !double.IsFinite(ZLoss))
        {
            throw new ArgumentException($"the z-loss's coefficient is {ZLoss}; expected 0 or more");
        }
        Preference.Check();
    }
}
