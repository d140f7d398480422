using System.CommandLine;
using System.Globalization;
using Lorikeet.Cli.Eval;
using Lorikeet.Models.Files;
using Lorikeet.Training;

namespace Lorikeet.Cli.Commands;

/// <summary><c>lorikeet compare</c>: trains several methods with one budget and shows them side by side.</summary>
internal static class CompareCommand
{
    /// <summary>The command.</summary>
    public static Command Create()
    {
        RunOptions shared = new();
        Option<string?> model = new("--model", "-m") { Description = "The base model: a folder, or org/name in the local Hugging Face cache" };
        Option<string?> weights = WeightsOption.Create();
        Option<string[]> methods = new("--methods")
        {
            Description = "The methods, METHOD or METHOD:KEY=VALUE:... with commas or blanks between; the keys are those of lorikeet methods, lr and optimizer",
            AllowMultipleArgumentsPerToken = true,
        };
        Option<string> budget = new("--budget")
        {
            Description = "What all get the same of: tokens (by --steps or --epochs), tokens=N, seconds=N, or parameters=N (the largest adapter of at most N numbers)",
            DefaultValueFactory = _ => "tokens",
        };
        Option<string?> tokenizer = new("--tokenizer") { Description = "byte, or a folder with tokenizer.json; default: the model's own" };
        Option<string[]> tasks = new("--tasks") { Description = "Tasks that each result is measured with, as in lorikeet eval: names, or .json files", AllowMultipleArgumentsPerToken = true };
        Option<string?> taskData = new("--data-dir") { Description = "The folder that tasks' data lies in", HelpName = "FOLDER" };
        Option<int?> limit = new("--limit") { Description = "The most examples of a task, the first ones" };
        Command command = new(
            "compare",
            "Trains several methods on the same data with the same budget, one after another, and reports them side by side.\n\n" +
            "Examples:\n" +
            "  lorikeet compare --model base --data reviews.jsonl --methods lora:r=8,dora,nola --steps 300 --out compared\n" +
            "  lorikeet compare --model base --data text.txt --methods lora full:lr=2e-5 --budget seconds=120 --out compared\n" +
            "  lorikeet compare --model base --data text.txt --methods lora,flora,nola --budget parameters=20000 --steps 300 --out compared\n" +
            "  lorikeet compare --resume --out compared\n" +
            "The folder gets a run's folder for each method, report.html and comparison.json.")
        {
            model, weights, methods, budget, tokenizer, tasks, taskData, limit,
        };
        shared.AddTo(command);
        command.SetAction((parsed, stop) => Task.Run(() => Run(RunDisplay.Checked(() => Prepare(parsed)), stop), CancellationToken.None));
        return command;

        Comparison Prepare(ParseResult parsed)
        {
            if (parsed.GetValue(shared.Resume))
            {
                shared.CheckResume(parsed);
                return Comparison.Resume(shared.Folder(parsed));
            }
            ComparisonSettings settings = new()
            {
                Methods = Split(parsed.GetValue(methods)),
                Budget = parsed.GetValue(budget)!,
                Tasks = [.. Split(parsed.GetValue(tasks)).Select(t => t.EndsWith(".json", StringComparison.OrdinalIgnoreCase) ? Path.GetFullPath(t) : t)],
                TaskData = parsed.GetValue(taskData) is { } data ? Path.GetFullPath(data) : null,
                TaskLimit = parsed.GetValue(limit) is null or > 0 ? parsed.GetValue(limit) : throw new UsageException("--limit must be 1 or more"),
                Shared = shared.Read(parsed) with
                {
                    Model = parsed.GetValue(model) is { Length: > 0 } folder
                        ? Directory.Exists(folder) ? Path.GetFullPath(folder) : ModelLocation.Resolve(folder)
                        : throw new UsageException("--model is missing: name a model's folder"),
                    Weights = parsed.GetValue(weights),
                    Tokenizer = parsed.GetValue(tokenizer),
                },
            };
            // A task that does not exist is said before hours of training.
            _ = ComparedTasks.Load(settings);
            return Comparison.Start(settings);
        }
    }

    private static string[] Split(string[]? names) =>
        [.. (names ?? []).SelectMany(m => m.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries))];

    private static int Run(Comparison comparison, CancellationToken stop)
    {
        string folder = Path.GetRelativePath(Environment.CurrentDirectory, comparison.Settings.Shared.Out);
        comparison.Tasks = comparison.Settings.Tasks.Count > 0 ? run => ComparedTasks.Measure(comparison.Settings, run, stop) : null;
        IReadOnlyList<ComparedMethod> done = comparison.Run(
            (candidate, run) =>
            {
                Console.Error.WriteLine($"{candidate.Text}: {RunOptions.Count(run.TrainedCount)} numbers train, steps {run.FirstStep} to {run.Steps}");
                return RunDisplay.Watch(run, Console.Error, stop);
            },
            stop);
        Show(done);
        if (done.Count < comparison.Settings.Methods.Count)
        {
            Console.WriteLine($"stopped; go on with: lorikeet compare --resume --out {folder}");
            return 130;
        }
        Console.WriteLine($"report in {Path.Combine(folder, "report.html")}, numbers in {Path.Combine(folder, "comparison.json")}");
        return 0;
    }

    private static void Show(IReadOnlyList<ComparedMethod> done)
    {
        if (done.Count == 0)
        {
            return;
        }
        string[] tasks = [.. done.SelectMany(m => m.Tasks.Keys).Distinct()];
        int width = Math.Max(8, done.Max(m => m.Name.Length));
        Console.WriteLine(
            $"{"method".PadRight(width)}{"held-out",10}{"best",10}{string.Concat(tasks.Select(t => t.PadLeft(Math.Max(12, t.Length + 2))))}{"numbers",11}{"state MiB",11}{"peak MiB",10}{"steps",8}{"tokens",11}{"tokens/s",10}{"seconds",9}");
        foreach (ComparedMethod m in done)
        {
            Console.WriteLine(m.Failure is { } failure
                ? $"{m.Name.PadRight(width)}  {failure}"
                : string.Create(
                    CultureInfo.InvariantCulture,
                    $"{m.Name.PadRight(width)}{Loss(m.HeldOutLoss),10}{Loss(m.BestHeldOutLoss),10}{string.Concat(tasks.Select(t => (m.Tasks.TryGetValue(t, out double v) ? v.ToString("F4", CultureInfo.InvariantCulture) : "-").PadLeft(Math.Max(12, t.Length + 2))))}{RunOptions.Count(m.TrainedParameters),11}{m.OptimizerBytes / 1048576.0,11:F2}{m.PeakBytes / 1048576.0,10:F0}{m.Steps,8}{RunOptions.Count(m.Tokens),11}{m.TokensPerSecond,10:F0}{m.Seconds,9:F1}"));
        }
    }

    private static string Loss(double? loss) => loss is { } value ? value.ToString("F4", CultureInfo.InvariantCulture) : "-";
}
