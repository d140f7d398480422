using System.CommandLine;
using System.Text.Json.Nodes;
using Lorikeet.Adapters;
using Lorikeet.Models.Files;
using Lorikeet.Training;

namespace Lorikeet.Cli.Commands;

/// <summary><c>lorikeet train</c>: trains an adapter, several in one batch, or all weights of a model.</summary>
internal static class TrainCommand
{
    /// <summary>The command.</summary>
    public static Command Create()
    {
        RunOptions shared = new();
        Option<string?> model = new("--model", "-m") { Description = "The base model: a folder, or org/name in the local Hugging Face cache" };
        Option<string?> weights = WeightsOption.Create();
        Option<string> method = new("--method")
        {
            Description = $"{string.Join(", ", AdapterMethods.All.Select(m => m.Name))}, or full: all weights",
            DefaultValueFactory = _ => "lora",
        };
        Option<int?> rank = new("--rank", "-r") { Description = "The adapter's rank (r)" };
        Option<double?> alpha = new("--alpha") { Description = "The adapter's scale (lora_alpha)" };
        Option<string[]> targets = new("--targets")
        {
            Description = "Modules to adapt: names, or all-linear",
            AllowMultipleArgumentsPerToken = true,
        };
        Option<string[]> set = new("--set") { Description = "An option of the method, KEY=VALUE as in adapter_config.json (see lorikeet methods)" };
        Option<string?> tokenizer = new("--tokenizer") { Description = "byte, or a folder with tokenizer.json; default: the model's own" };
        Option<bool> means = new("--mean-of-means") { Description = "Mean the means of the batches of a step, not all its tokens together" };
        Command command = new(
            "train",
            "Trains an adapter for a frozen model; with several --data, an adapter each, all in one batch.\n\n" +
            "Examples:\n" +
            "  lorikeet train --model base --data reviews.jsonl --out reviews\n" +
            "  lorikeet train --model base --data a.jsonl --data b.jsonl --method lora --rank 16 --targets q_proj v_proj --out both\n" +
            "  lorikeet train --model base --data text.txt --method flora --rank 1 --steps 500 --out style\n" +
            "  lorikeet train --resume --out reviews\n" +
            "The loss is taken on completions, on what assistants say, or on all text. Conversations are laid out as <|role|>, a line break and the\n" +
            "content. Ctrl-C finishes the step and writes a checkpoint.")
        {
            model, weights, method, rank, alpha, targets, set, tokenizer, means,
        };
        shared.AddTo(command);
        command.SetAction((parsed, stop) => Task.Run(() => RunDisplay.Execute(ranks => Prepare(parsed, ranks), "train", stop), CancellationToken.None));
        return command;

        TrainingRun Prepare(ParseResult parsed, IRanks? ranks)
        {
            if (parsed.GetValue(shared.Resume))
            {
                shared.CheckResume(parsed);
                return TrainingRun.Resume(shared.Folder(parsed), ranks);
            }
            string name = parsed.GetValue(method)!;
            JsonObject options = RunOptions.Assignments(parsed.GetValue(set) ?? []);
            if (parsed.GetValue(rank) is { } r)
            {
                options["r"] = r;
            }
            if (parsed.GetValue(alpha) is { } a)
            {
                options["lora_alpha"] = a;
            }
            if (parsed.GetValue(targets) is { Length: > 0 } modules)
            {
                options["target_modules"] = modules is ["all-linear"] ? "all-linear" : new JsonArray([.. modules.Select(m => JsonValue.Create(m))]);
            }
            if (name == "full" && options.Count > 0)
            {
                throw new UsageException($"--method full has no option {options.First().Key}");
            }
            RunSettings settings = shared.Read(parsed) with
            {
                Model = parsed.GetValue(model) is { Length: > 0 } folder ? Absolute(folder) : throw new UsageException("--model is missing: name a model's folder"),
                Weights = parsed.GetValue(weights),
                Method = name,
                MethodOptions = options,
                Tokenizer = parsed.GetValue(tokenizer),
                MeanOfMeans = parsed.GetValue(means),
            };
            return RunDisplay.Checked(() => TrainingRun.Start(settings, ranks));
        }
    }

    private static string Absolute(string model) => Directory.Exists(model) ? Path.GetFullPath(model) : ModelLocation.Resolve(model);
}
