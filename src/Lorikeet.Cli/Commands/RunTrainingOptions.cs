using System.CommandLine;
using Lorikeet.Training;

namespace Lorikeet.Cli.Commands;

/// <summary>How a run trains: one entry an option.</summary>
internal static class RunTrainingOptions
{
    /// <summary>The options.</summary>
    public static IEnumerable<RunOption> Create() =>
    [
        RunOption.Of("--steps", "Optimiser steps", s => s.Steps, (s, v) => s with { Steps = v }),
        RunOption.Of("--epochs", "Passes through the data, where --steps is not given", s => s.Epochs, (s, v) => s with { Epochs = v }),
        RunOption.Of("--lr", "The peak learning rate; each method has its own default", s => s.Rate, (s, v) => s with { Rate = v }),
        RunOption.Of("--schedule", "How the rate goes on after the warm-up: " + string.Join(", ", Schedule.Kinds.Keys), s => s.Schedule, (s, v) => s with { Schedule = v }),
        RunOption.Of("--warmup", "Steps in which the rate rises; default: a twentieth of all", s => s.Warmup, (s, v) => s with { Warmup = v }),
        RunOption.Of("--optimizer", string.Join(", ", Optimizers.All.Keys), s => s.Optimizer, (s, v) => s with { Optimizer = v }),
        RunOption.Of(
            new Option<string[]>("--optimizer-option")
            {
                AllowMultipleArgumentsPerToken = true,
                Description = "One of the optimiser's own options, NAME=VALUE; repeat for several. There are " + string.Join(", ", OptimizerOption.All.Select(o => o.Name)),
            },
            (s, v) => s with { OptimizerOptions = Pairs("--optimizer-option", v) }),
        RunOption.Of("--step-rule", "What trains when, where all weights do: " + string.Join(", ", StepRules.All.Keys), s => s.StepRule, (s, v) => s with { StepRule = v }),
        RunOption.Of(
            new Option<string[]>("--step-rule-option")
            {
                AllowMultipleArgumentsPerToken = true,
                Description = "One of the step rule's own options, NAME=VALUE; repeat for several. There are " + string.Join(", ", StepRuleOption.All.Select(o => o.Name)),
            },
            (s, v) => s with { StepRuleOptions = Pairs("--step-rule-option", v) }),
        RunOption.Of("--per-layer", "Step each parameter as soon as its gradient is complete and free the gradient: less memory; needs --clip 0", s => s.PerLayer, (s, v) => s with { PerLayer = v }),
        RunOption.Of("--weight-decay", "Weight decay; each method has its own default", s => s.WeightDecay, (s, v) => s with { WeightDecay = v }),
        RunOption.Of("--clip", "The largest gradient norm that is left alone; 0: none is clipped", s => s.Clip, (s, v) => s with { Clip = v }),
        RunOption.Of("--seed", "Seed of start values, order and dropout", s => s.Seed, (s, v) => s with { Seed = v }),
        RunOption.Of("--checkpointing", "Compute blocks again in backward: less memory, about a third more time", s => s.Checkpointing, (s, v) => s with { Checkpointing = v }),
        RunOption.Of("--train-dtype", "How matrices are held while all weights train: f32, or bf16, rounded by chance: half the memory", s => s.TrainType, (s, v) => s with { TrainType = v }),
    ];

    /// <summary>NAME=VALUE, each name once.</summary>
    public static Dictionary<string, string> Pairs(string what, IEnumerable<string> options)
    {
        Dictionary<string, string> pairs = new(StringComparer.Ordinal);
        foreach (string option in options)
        {
            int at = option.IndexOf('=', StringComparison.Ordinal);
            if (at < 1 || !pairs.TryAdd(option[..at], option[(at + 1)..]))
            {
                throw new UsageException($"{what} {option}: expected NAME=VALUE, each name once");
            }
        }
        return pairs;
    }
}
