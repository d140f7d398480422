using System.CommandLine;
using Lorikeet.Training;

namespace Lorikeet.Cli.Commands;

/// <summary><c>lorikeet pretrain</c>: trains a small Llama from random weights.</summary>
internal static class PretrainCommand
{
    private static readonly NewModel Defaults = new();

    /// <summary>The command.</summary>
    public static Command Create()
    {
        RunOptions shared = new();
        Option<int> hidden = new("--hidden") { Description = "Width of the residual stream", DefaultValueFactory = _ => Defaults.Hidden };
        Option<int> layers = new("--layers") { Description = "Blocks", DefaultValueFactory = _ => Defaults.Layers };
        Option<int> heads = new("--heads") { Description = "Query heads", DefaultValueFactory = _ => Defaults.Heads };
        Option<int> keyHeads = new("--kv-heads") { Description = "Key and value heads", DefaultValueFactory = _ => Defaults.KeyHeads };
        Option<int> feedForward = new("--ffn") { Description = "Width of the feed-forward; 0: 8/3 of --hidden", DefaultValueFactory = _ => Defaults.FeedForward };
        Option<bool> untied = new("--untied") { Description = "Give the output head a matrix of its own" };
        Option<string> tokenizer = new("--tokenizer")
        {
            Description = "byte, bpe:N (a byte-level BPE of N tokens trained on the data), or a folder with tokenizer.json",
            DefaultValueFactory = _ => "byte",
        };
        Option<string?> weights = new("--weights")
        {
            Description = "What a matrix of the blocks is made of: " + string.Join("; ", NewWeights.Kinds.Select(k => $"{k.Key}: {k.Value}")) + ". Without it: one full matrix",
        };
        Option<string[]> weightOptions = new("--weights-option")
        {
            AllowMultipleArgumentsPerToken = true,
            Description = "One of --weights' own options, NAME=VALUE; repeat for several. " + string.Join("; ", NewWeights.Options.Select(o => $"{o.Key}: {o.Value}")),
        };
        Command command = new(
            "pretrain",
            "Trains a small Llama model from random weights; the result is a model folder with its tokenizer.\n\n" +
            "Examples:\n" +
            "  lorikeet pretrain --data book.txt --out small --steps 500\n" +
            "  lorikeet pretrain --data corpus.jsonl --tokenizer bpe:4096 --hidden 384 --layers 8 --context 512 --batch 8 --steps 3000 --out base\n" +
            "  lorikeet pretrain --resume --out base")
        {
            hidden, layers, heads, keyHeads, feedForward, untied, tokenizer, weights, weightOptions,
        };
        shared.AddTo(command);
        command.SetAction((parsed, stop) => Task.Run(() => RunDisplay.Execute(ranks => Prepare(parsed, ranks), "pretrain", stop), CancellationToken.None));
        return command;

        TrainingRun Prepare(ParseResult parsed, IRanks? ranks)
        {
            if (parsed.GetValue(shared.Resume))
            {
                shared.CheckResume(parsed);
                return TrainingRun.Resume(shared.Folder(parsed), ranks);
            }
            string name = parsed.GetValue(tokenizer)!;
            RunSettings settings = shared.Read(parsed) with
            {
                Method = "full",
                Tokenizer = name == "byte" || name.StartsWith("bpe:", StringComparison.Ordinal) ? name : Path.GetFullPath(name),
                Shape = new NewModel
                {
                    Hidden = parsed.GetValue(hidden),
                    Layers = parsed.GetValue(layers),
                    Heads = parsed.GetValue(heads),
                    KeyHeads = parsed.GetValue(keyHeads),
                    FeedForward = parsed.GetValue(feedForward),
                    Untied = parsed.GetValue(untied),
                    Weights = Weights(parsed),
                },
            };
            return RunDisplay.Checked(() => TrainingRun.Start(settings, ranks));
        }

        NewWeights? Weights(ParseResult parsed)
        {
            Dictionary<string, string> options = RunTrainingOptions.Pairs(weightOptions.Name, parsed.GetValue(weightOptions) ?? []);
            if (parsed.GetValue(weights) is { } kind)
            {
                return RunDisplay.Checked(() => NewWeights.Read(kind, options));
            }
            return options.Count == 0 ? null : throw new UsageException($"{weightOptions.Name} needs {weights.Name}: {string.Join(", ", NewWeights.Kinds.Keys)}");
        }
    }
}
