using System.CommandLine;

namespace Lorikeet.Cli.Commands;

/// <summary>What a run trains on and measures on: one entry an option.</summary>
internal static class RunDataOptions
{
    /// <summary>The options.</summary>
    public static IEnumerable<RunOption> Create()
    {
        DataFlags fields = new();
        return
        [
            RunOption.Of("--task", "text: foretell it; classify: texts with a class, by a head of the adapter's; prefer: a chosen and a rejected answer", s => s.Fields.Task, (s, v) => s with { Fields = s.Fields with { Task = v } }),
            // What the fields are is said by all of these together.
            .. fields.All.Select((option, i) => new RunOption(option, (parsed, s) => i == 0 ? s with { Fields = fields.Read(parsed, s.Fields.Task) } : s)),
            .. Others(),
        ];
    }

    private static IEnumerable<RunOption> Others() =>
    [
        RunOption.Of(
            new Option<string[]>("--data", "-d")
            {
                Description = "A .jsonl ({prompt, completion}, {messages}, {text}), .csv, .tsv or text file, or a folder of them",
                AllowMultipleArgumentsPerToken = false,
            },
            (s, v) => s with { Data = [.. v.Select(Path.GetFullPath)] }),
        RunOption.Of(
            new Option<string?>("--eval-data") { Description = "Held-out data; without it the last part of --data is held out" },
            (s, v) => s with { EvalData = Path.GetFullPath(v!) }),
        RunOption.Of("--eval-share", "The share of --data that is held out", s => s.EvalShare, (s, v) => s with { EvalShare = v }),
        RunOption.Of("--context", "The most tokens in a sequence", s => s.Context, (s, v) => s with { Context = v }),
        RunOption.Of("--batch", "Contexts in a batch: documents are packed until it holds batch x context tokens", s => s.Batch, (s, v) => s with { Batch = v }),
        RunOption.Of(
            new Option<string?>("--token-cache") { Description = "The folder for tokens of large data, which are read from disk; none: everything in memory" },
            (s, v) => s with { TokenCache = v == "none" ? "" : Path.GetFullPath(v!) }),
        RunOption.Of("--accumulate", "Batches in an optimiser step", s => s.Accumulate, (s, v) => s with { Accumulate = v }),
    ];
}
