using System.Text.Json;
using System.Text.Json.Nodes;
using Lorikeet.Models;
using Lorikeet.Models.Files;
using Lorikeet.Models.Text;

namespace Lorikeet.Training;

/// <summary>Trains several methods on the same data with the same budget, one after another, each in a run folder of its own, and reports them side by side.</summary>
/// <remarks>
/// A method that is finished has result.json in its folder and is not trained again; one that was stopped goes on from its checkpoint. So a comparison that
/// is stopped anywhere ends with the same numbers (but those of time).
/// </remarks>
public sealed class Comparison
{
    private const string SettingsName = "compare.json", ResultName = "result.json";

    // Enough steps for buffers to exist and caches to be warm before the clock counts.
    private const int WarmSteps = 3, TimedSteps = 6;
    private readonly IReadOnlyList<Candidate> candidates;
    private readonly Budget budget;

    private Comparison(ComparisonSettings settings)
    {
        Settings = settings;
        candidates = settings.Candidates();
        budget = Budget.Parse(settings.Budget);
        foreach (Candidate candidate in candidates)
        {
            if (candidate.Method != "full")
            {
                _ = Adapters.AdapterMethods.Find(candidate.Method);
            }
            Run(candidate).Check();
        }
    }

    /// <summary>The settings.</summary>
    public ComparisonSettings Settings { get; }

    /// <summary>Measures the tasks with a trained result: given the run's settings, numbers by name; null: there are none.</summary>
    public Func<RunSettings, IReadOnlyDictionary<string, double>>? Tasks { get; set; }

    /// <summary>A new comparison.</summary>
    /// <param name="settings">The settings.</param>
    /// <exception cref="ArgumentException">A setting is out of its range, or the folder is in use.</exception>
    public static Comparison Start(ComparisonSettings settings)
    {
        ArgumentNullException.ThrowIfNull(settings);
        string folder = settings.Shared.Out;
        if (Directory.Exists(folder) && Directory.EnumerateFileSystemEntries(folder).Any())
        {
            throw new ArgumentException(File.Exists(Path.Combine(folder, SettingsName))
                ? $"{folder} already holds a comparison: go on with --resume, or name another folder"
                : $"{folder} is not empty: name a new folder");
        }
        Comparison made = new(settings);
        Directory.CreateDirectory(folder);
        settings.Save(Path.Combine(folder, SettingsName));
        return made;
    }

    /// <summary>Takes a comparison up where it was stopped.</summary>
    /// <param name="folder">Its folder.</param>
    /// <exception cref="BadFileException">There is none.</exception>
    public static Comparison Resume(string folder)
    {
        ComparisonSettings settings = ComparisonSettings.Load(Path.Combine(folder, SettingsName));
        return new Comparison(settings with { Shared = settings.Shared with { Out = folder } });
    }

    /// <summary>Trains what is not trained yet, and writes comparison.json and report.html after each method.</summary>
    /// <param name="run">Runs a prepared run and shows how it goes.</param>
    /// <param name="stop">Asks to stop after a step.</param>
    /// <returns>What became of the methods; fewer than there are where it was stopped.</returns>
    public IReadOnlyList<ComparedMethod> Run(Func<Candidate, TrainingRun, RunResult> run, CancellationToken stop = default)
    {
        ArgumentNullException.ThrowIfNull(run);
        List<ComparedMethod> done = [];
        foreach (Candidate candidate in candidates)
        {
            if (stop.IsCancellationRequested || One(candidate, run, stop) is not { } result)
            {
                break;
            }
            done.Add(result);
            Write(done);
        }
        return done;
    }

    private RunSettings Run(Candidate candidate) => Settings.Shared with
    {
        Method = candidate.Method,
        MethodOptions = candidate.Options,
        Rate = candidate.Rate ?? Settings.Shared.Rate,
        Optimizer = candidate.Optimizer ?? Settings.Shared.Optimizer,
        Out = Path.Combine(Settings.Shared.Out, candidate.FolderName),
    };

    private ComparedMethod? One(Candidate candidate, Func<Candidate, TrainingRun, RunResult> run, CancellationToken stop)
    {
        RunSettings settings = Run(candidate);
        string path = Path.Combine(settings.Out, ResultName);
        if (File.Exists(path))
        {
            return Read(path);
        }
        ComparedMethod result;
        try
        {
            using TrainingRun prepared = Prepare(candidate, settings, stop);
            if (!run(candidate, prepared).Finished)
            {
                return null;
            }
            result = Result(candidate, prepared);
        }
        catch (TrainingDivergedException e)
        {
            // One method that diverges is a result; the others are still wanted.
            result = new ComparedMethod(candidate.Text, settings.MethodOptions.ToJsonString(), 0, 0, 0, 0, 0, 0, null, null, null) { Failure = e.Message };
        }
        if (Tasks is not null && result.Failure is null)
        {
            result = result with { Tasks = Tasks(RunSettings.Load(Path.Combine(settings.Out, "run.json")) with { Out = settings.Out }) };
        }
        AtomicFile.WriteText(path, JsonSerializer.Serialize(result, ComparedContext.Default.ComparedMethod) + "\n");
        return result;
    }

    private TrainingRun Prepare(Candidate candidate, RunSettings settings, CancellationToken stop)
    {
        if (TrainingCheckpoint.Latest(RunResults.Checkpoints(settings.Out)) is not null)
        {
            return TrainingRun.Resume(settings.Out);
        }
        if (Directory.Exists(settings.Out))
        {
            // Stopped before its first checkpoint: the folder is the comparison's own.
            Directory.Delete(settings.Out, recursive: true);
        }
        switch (budget.Kind)
        {
            case BudgetKind.Tokens when budget.Amount is { } tokens:
                settings = settings with { Steps = (int)Math.Clamp(Math.Ceiling(tokens / TokensPerStep(settings)), 1, int.MaxValue) };
                break;
            case BudgetKind.Seconds:
                settings = settings with { Steps = (int)Math.Clamp(Math.Round(budget.Amount!.Value / SecondsPerStep(settings, stop)), 1, int.MaxValue) };
                break;
            case BudgetKind.Parameters when candidate.Method != "full":
                using (LanguageModel model = ModelLoader.Load(settings.Model))
                {
                    settings = settings with { MethodOptions = ParameterFit.Options(model, candidate, budget.Amount!.Value) };
                }
                break;
            default:
                break;
        }
        return TrainingRun.Start(settings);
    }

    private static double TokensPerStep(RunSettings settings)
    {
        Tokenizer tokenizer = RunModel.Tokenizer(settings, resumed: false);
        RunData data = RunData.Read(settings, 0, tokenizer, []);
        using TokenDocuments documents = data.Documents;
        PackedBatches batches = data.Train;
        return (double)batches.TokenCount / batches.BatchCount(1) * settings.Accumulate;
    }

    /// <summary>How long a step takes: a few steps of a run that is thrown away.</summary>
    private static double SecondsPerStep(RunSettings settings, CancellationToken stop)
    {
        string trial = settings.Out + ".trial";
        if (Directory.Exists(trial))
        {
            Directory.Delete(trial, recursive: true);
        }
        try
        {
            using TrainingRun run = TrainingRun.Start(settings with { Out = trial, Steps = WarmSteps + TimedSteps, EvalShare = 0, EvalData = null, Patience = 0, CheckpointEvery = 0, Ema = settings.Ema });
            run.Run(stop: stop);
            stop.ThrowIfCancellationRequested();
            return run.History.Steps[0].Skip(WarmSteps).Average(s => s.Seconds);
        }
        finally
        {
            if (Directory.Exists(trial))
            {
                Directory.Delete(trial, recursive: true);
            }
        }
    }

    private static ComparedMethod Result(Candidate candidate, TrainingRun run)
    {
        IReadOnlyList<StepRecord> steps = run.History.Steps[0];
        IReadOnlyList<HeldOutRecord> held = run.History.HeldOut[0];
        return new ComparedMethod(
            candidate.Text,
            run.Settings.MethodOptions.ToJsonString(),
            run.TrainedCount,
            run.OptimizerBytes,
            steps.Max(s => s.ResidentBytes),
            steps.Count,
            steps.Sum(s => s.Tokens),
            steps.Sum(s => s.Seconds),
            Finite(held.Where(h => h.Step == 0).Select(h => h.Loss).FirstOrDefault(double.NaN)),
            Finite(held.Count > 0 ? held[^1].Loss : double.NaN),
            Finite(held.Count > 0 ? held.Min(h => h.Loss) : double.NaN));
    }

    private static double? Finite(double value) => double.IsFinite(value) ? value : null;

    private static ComparedMethod Read(string path)
    {
        using JsonDocument json = SafeJson.ReadObject(path);
        try
        {
            return json.RootElement.Deserialize(ComparedContext.Default.ComparedMethod)!;
        }
        catch (JsonException e)
        {
            throw new BadFileException($"{path} does not hold the result of a method: {e.Message}", e);
        }
    }

    private void Write(List<ComparedMethod> done)
    {
        string folder = Settings.Shared.Out;
        JsonObject all = new()
        {
            ["budget"] = budget.ToString(),
            ["methods"] = JsonNode.Parse(JsonSerializer.Serialize<IReadOnlyList<ComparedMethod>>(done, ComparedContext.Default.IReadOnlyListComparedMethod)),
        };
        AtomicFile.WriteText(Path.Combine(folder, "comparison.json"), all.ToJsonString(new JsonSerializerOptions { WriteIndented = true, TypeInfoResolver = ComparedContext.Default }) + "\n");
        List<RunHistory> histories = [];
        foreach (ComparedMethod method in done)
        {
            RunHistory history = new([method.Name]);
            string metrics = Path.Combine(folder, Candidate.Parse(method.Name).FolderName, "metrics.jsonl");
            if (File.Exists(metrics))
            {
                history.Read(metrics);
            }
            histories.Add(history);
        }
        AtomicFile.WriteText(Path.Combine(folder, "report.html"), ComparisonPage.Write(this, done, histories));
    }
}
