using System.CommandLine;

namespace Lorikeet.Cli.Commands;

/// <summary>What a run trains on and measures on: one entry an option.</summary>
internal static class RunDataOptions
{
    /// <summary>The options.</summary>
    public static IEnumerable<RunOption> Create() =>
    [
        RunOption.Of(
            new Option<string[]>("--data", "-d")
            {
                Description = "A .jsonl file ({prompt, completion}, {messages}, or {text} a line), or plain text",
                AllowMultipleArgumentsPerToken = false,
            },
            (s, v) => s with { Data = [.. v.Select(Path.GetFullPath)] }),
        RunOption.Of(
            new Option<string?>("--separator") { Description = "What stands between two documents of a plain text (\\n is a line break)" },
            (s, v) => s with { Separator = v!.Replace("\\n", "\n", StringComparison.Ordinal) }),
        RunOption.Of(
            new Option<string?>("--eval-data") { Description = "Held-out data; without it the last part of --data is held out" },
            (s, v) => s with { EvalData = Path.GetFullPath(v!) }),
        RunOption.Of("--eval-share", "The share of --data that is held out", s => s.EvalShare, (s, v) => s with { EvalShare = v }),
        RunOption.Of("--context", "The most tokens in a sequence", s => s.Context, (s, v) => s with { Context = v }),
        RunOption.Of("--batch", "Contexts in a batch: documents are packed until it holds batch x context tokens", s => s.Batch, (s, v) => s with { Batch = v }),
        RunOption.Of("--accumulate", "Batches in an optimiser step", s => s.Accumulate, (s, v) => s with { Accumulate = v }),
    ];
}
