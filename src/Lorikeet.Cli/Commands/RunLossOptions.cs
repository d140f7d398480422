using System.CommandLine;
using Lorikeet.Training;

namespace Lorikeet.Cli.Commands;

/// <summary>What a run's loss is made of: one entry an option.</summary>
internal static class RunLossOptions
{
    /// <summary>The options.</summary>
    public static IEnumerable<RunOption> Create() =>
    [
        RunOption.Of(
            "--label-smoothing", "The share of each target that is spread over all tokens", s => s.Objective.LabelSmoothing, (s, v) => s with { Objective = s.Objective with { LabelSmoothing = v } }),
        RunOption.Of("--z-loss", "The weight of logsumexp(logits)^2", s => s.Objective.ZLoss, (s, v) => s with { Objective = s.Objective with { ZLoss = v } }),
        RunOption.Of(
            new Option<string?>("--loss") { Description = $"With --task prefer, which it implies: {string.Join(", ", PreferenceLoss.Names)}" },
            (s, v) => Preferring(s with { Fields = s.Fields with { Task = DataTask.Prefer } }, p => p with { Name = v! })),
        RunOption.Of("--beta", "The preference loss's beta", s => s.Objective.Preference.Beta, (s, v) => Preferring(s, p => p with { Beta = v })),
        RunOption.Of("--loss-smoothing", "With dpo: the share of pairs that may be the wrong way round", s => s.Objective.Preference.Smoothing, (s, v) => Preferring(s, p => p with { Smoothing = v })),
    ];

    private static RunSettings Preferring(RunSettings settings, Func<PreferenceLoss, PreferenceLoss> change) =>
        settings with { Objective = settings.Objective with { Preference = change(settings.Objective.Preference) } };
}
