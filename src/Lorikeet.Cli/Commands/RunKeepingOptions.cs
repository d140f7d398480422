using System.CommandLine;

namespace Lorikeet.Cli.Commands;

/// <summary>What a run measures, keeps and writes: one entry an option.</summary>
internal static class RunKeepingOptions
{
    /// <summary>The options.</summary>
    public static IEnumerable<RunOption> Create() =>
    [
        RunOption.Of("--eval-every", "Steps between held-out losses", s => s.EvalEvery, (s, v) => s with { EvalEvery = v }),
        RunOption.Of("--ema", "Keep a moving average of what trains, with this decay (say 0.999): measured, and saved in ema/ beside the result", s => s.Ema, (s, v) => s with { Ema = v }),
        RunOption.Of("--patience", "Stop after so many held-out losses without a new lowest one; 0: never", s => s.Patience, (s, v) => s with { Patience = v }),
        RunOption.Of(new Option<bool>("--no-best") { Description = "Do not keep the result with the lowest held-out loss in best/" }, (s, v) => s with { KeepBest = !v }),
        RunOption.Of("--checkpoint-every", "Steps between checkpoints; 0: only when stopped", s => s.CheckpointEvery, (s, v) => s with { CheckpointEvery = v }),
        RunOption.Of("--dtype", "The format in which a model's weights are saved: f32, bf16, f16", s => s.SaveAs, (s, v) => s with { SaveAs = v }),
    ];
}
