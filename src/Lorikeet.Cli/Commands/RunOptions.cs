using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using Lorikeet.Training;

namespace Lorikeet.Cli.Commands;

/// <summary>The options that <c>train</c> and <c>pretrain</c> share.</summary>
internal sealed class RunOptions
{
    private static readonly RunSettings Defaults = new();

    public Option<string> Out { get; } = new("--out", "-o") { Description = "The folder for the result, the metrics and the loss curve; new, or of a run to resume" };

    public Option<bool> Resume { get; } = new("--resume") { Description = "Go on where the newest checkpoint in --out stands; every setting is as it was" };

    public Option<string[]> Data { get; } = new("--data", "-d")
    {
        Description = "A .jsonl file ({prompt, completion}, {messages}, or {text} a line), or plain text",
        AllowMultipleArgumentsPerToken = false,
    };

    public Option<string?> Separator { get; } = new("--separator") { Description = "What stands between two documents of a plain text (\\n is a line break)" };

    public Option<string?> EvalData { get; } = new("--eval-data") { Description = "Held-out data; without it the last part of --data is held out" };

    public Option<double> EvalShare { get; } = new("--eval-share")
    {
        Description = "The share of --data that is held out",
        DefaultValueFactory = _ => Defaults.EvalShare,
    };

    public Option<int> EvalEvery { get; } = new("--eval-every") { Description = "Steps between held-out losses", DefaultValueFactory = _ => Defaults.EvalEvery };

    public Option<int?> Steps { get; } = new("--steps") { Description = "Optimiser steps" };

    public Option<double> Epochs { get; } = new("--epochs") { Description = "Passes through the data, where --steps is not given", DefaultValueFactory = _ => Defaults.Epochs };

    public Option<int> Context { get; } = new("--context") { Description = "The most tokens in a sequence", DefaultValueFactory = _ => Defaults.Context };

    public Option<int> Batch { get; } = new("--batch")
    {
        Description = "Contexts in a batch: documents are packed until it holds batch x context tokens",
        DefaultValueFactory = _ => Defaults.Batch,
    };

    public Option<int> Accumulate { get; } = new("--accumulate") { Description = "Batches in an optimiser step", DefaultValueFactory = _ => Defaults.Accumulate };

    public Option<double?> Rate { get; } = new("--lr") { Description = "The peak learning rate; each method has its own default" };

    public Option<string> Schedule { get; } = new("--schedule")
    {
        Description = "How the rate goes on after the warm-up: " + string.Join(", ", Training.Schedule.Kinds.Keys),
        DefaultValueFactory = _ => Defaults.Schedule,
    };

    public Option<int?> Warmup { get; } = new("--warmup") { Description = "Steps in which the rate rises; default: a twentieth of all" };

    public Option<string> Optimizer { get; } = new("--optimizer")
    {
        Description = string.Join(", ", Optimizers.All.Keys),
        DefaultValueFactory = _ => Defaults.Optimizer,
    };

    public Option<string[]> OptimizerOptions { get; } = new("--optimizer-option")
    {
        AllowMultipleArgumentsPerToken = true,
        Description = "One of the optimiser's own options, NAME=VALUE; repeat for several. There are " + string.Join(", ", OptimizerOption.All.Select(o => o.Name)),
    };

    public Option<double?> WeightDecay { get; } = new("--weight-decay") { Description = "Weight decay; each method has its own default" };

    public Option<double> Clip { get; } = new("--clip") { Description = "The largest gradient norm that is left alone; 0: none is clipped", DefaultValueFactory = _ => Defaults.Clip };

    public Option<long> Seed { get; } = new("--seed") { Description = "Seed of start values, order and dropout", DefaultValueFactory = _ => Defaults.Seed };

    public Option<int> CheckpointEvery { get; } = new("--checkpoint-every")
    {
        Description = "Steps between checkpoints; 0: only when stopped",
        DefaultValueFactory = _ => Defaults.CheckpointEvery,
    };

    public Option<bool> Checkpointing { get; } = new("--checkpointing") { Description = "Compute blocks again in backward: less memory, about a third more time" };

    public Option<string?> Dtype { get; } = new("--dtype") { Description = "The format in which a model's weights are saved: f32, bf16, f16" };

    /// <summary>Adds all options to a command.</summary>
    public void AddTo(Command command)
    {
        foreach (Option option in (Option[])
            [
                Out, Data, Resume, Separator, EvalData, EvalShare, EvalEvery, Steps, Epochs, Context, Batch, Accumulate, Rate, Schedule, Warmup, Optimizer,
                OptimizerOptions, WeightDecay, Clip, Seed, CheckpointEvery, Checkpointing, Dtype,
            ])
        {
            command.Options.Add(option);
        }
    }

    /// <summary>The settings as far as both commands know them.</summary>
    public RunSettings Read(ParseResult parsed)
    {
        string[] data = parsed.GetValue(Data) ?? [];
        return data.Length == 0
            ? throw new UsageException("--data is missing: name a .jsonl or text file")
            : new RunSettings
            {
                Out = Folder(parsed),
                Data = [.. data.Select(Path.GetFullPath)],
                Separator = parsed.GetValue(Separator)?.Replace("\\n", "\n", StringComparison.Ordinal),
                EvalData = parsed.GetValue(EvalData) is { } held ? Path.GetFullPath(held) : null,
                EvalShare = parsed.GetValue(EvalShare),
                EvalEvery = parsed.GetValue(EvalEvery),
                Steps = parsed.GetValue(Steps),
                Epochs = parsed.GetValue(Epochs),
                Context = parsed.GetValue(Context),
                Batch = parsed.GetValue(Batch),
                Accumulate = parsed.GetValue(Accumulate),
                Rate = parsed.GetValue(Rate),
                Schedule = parsed.GetValue(Schedule)!,
                Warmup = parsed.GetValue(Warmup),
                Optimizer = parsed.GetValue(Optimizer)!,
                OptimizerOptions = Pairs(OptimizerOptions.Name, parsed.GetValue(OptimizerOptions) ?? []),
                WeightDecay = parsed.GetValue(WeightDecay),
                Clip = parsed.GetValue(Clip),
                Seed = parsed.GetValue(Seed),
                CheckpointEvery = parsed.GetValue(CheckpointEvery),
                Checkpointing = parsed.GetValue(Checkpointing),
                SaveAs = parsed.GetValue(Dtype),
            };
    }

    /// <summary>NAME=VALUE pairs, each name once.</summary>
    public static Dictionary<string, string> Pairs(string name, string[] options)
    {
        Dictionary<string, string> pairs = new(StringComparer.Ordinal);
        foreach (string option in options)
        {
            int at = option.IndexOf('=', StringComparison.Ordinal);
            if (at < 1 || !pairs.TryAdd(option[..at], option[(at + 1)..]))
            {
                throw new UsageException($"{name} {option}: expected NAME=VALUE, each name once");
            }
        }
        return pairs;
    }

    /// <summary>The run's folder.</summary>
    public string Folder(ParseResult parsed) => parsed.GetValue(Out) is { Length: > 0 } folder
        ? Path.GetFullPath(folder)
        : throw new UsageException("--out is missing: name a folder for the result");

    /// <summary>Refuses other options beside --resume: a run goes on with the settings it began with.</summary>
    public void CheckResume(ParseResult parsed)
    {
        foreach (Option option in parsed.CommandResult.Command.Options)
        {
            if (option != Out && option != Resume && parsed.GetResult(option) is { Implicit: false })
            {
                throw new UsageException($"--resume takes every setting from run.json: leave {option.Name} out");
            }
        }
    }

    /// <summary>Parses KEY=VALUE; a value that is JSON is taken as JSON, else as a string.</summary>
    public static JsonObject Assignments(IEnumerable<string> assignments)
    {
        JsonObject options = [];
        foreach (string assignment in assignments)
        {
            int at = assignment.IndexOf('=', StringComparison.Ordinal);
            if (at <= 0)
            {
                throw new UsageException($"--set {assignment}: expected KEY=VALUE, for example use_rslora=true");
            }
            options[assignment[..at]] = Value(assignment[(at + 1)..]);
        }
        return options;
    }

    private static JsonNode? Value(string text)
    {
        try
        {
            return JsonNode.Parse(text);
        }
        catch (JsonException)
        {
            return JsonValue.Create(text);
        }
    }

    /// <summary>A count with a unit: 1.2 M.</summary>
    public static string Count(long count) => count switch
    {
        >= 1_000_000_000 => (count / 1e9).ToString("F2", CultureInfo.InvariantCulture) + " G",
        >= 1_000_000 => (count / 1e6).ToString("F2", CultureInfo.InvariantCulture) + " M",
        >= 10_000 => (count / 1e3).ToString("F1", CultureInfo.InvariantCulture) + " k",
        _ => count.ToString(CultureInfo.InvariantCulture),
    };
}
