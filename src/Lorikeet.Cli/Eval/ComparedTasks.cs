using Lorikeet.Adapters;
using Lorikeet.Cli.Commands;
using Lorikeet.Models;
using Lorikeet.Models.Text;
using Lorikeet.Tasks;
using Lorikeet.Training;

namespace Lorikeet.Cli.Eval;

/// <summary>Measures what a comparison trained with the tasks it names.</summary>
internal static class ComparedTasks
{
    /// <summary>The tasks.</summary>
    public static IReadOnlyList<EvaluationTask> Load(ComparisonSettings settings) => [.. settings.Tasks.Select(EvaluationTask.Load)];

    /// <summary>The main numbers of all tasks, by task and measure.</summary>
    /// <param name="settings">The comparison.</param>
    /// <param name="run">The run whose result is measured.</param>
    /// <param name="stop">Set by Ctrl-C: a task that is stopped has no numbers.</param>
    public static IReadOnlyDictionary<string, double> Measure(ComparisonSettings settings, RunSettings run, CancellationToken stop)
    {
        bool whole = run.Method == "full";
        string folder = whole ? run.Out : run.Model;
        Tokenizer tokenizer = run.Tokenizer switch { null => Tokenizer.Load(folder), "byte" => new ByteTokenizer(), { } other => Tokenizer.Load(other) };
        using LanguageModel model = ModelLoader.Load(folder, WeightsOption.Load(whole ? null : run.Weights));
        using TrainedAdapter? adapter = whole ? null : AdapterFolder.Load(run.Out, model);
        EvaluationOptions options = new() { DataFolder = settings.TaskData, Limit = settings.TaskLimit, Context = run.Context };
        Dictionary<string, double> numbers = new(StringComparer.Ordinal);
        foreach (EvaluationTask task in Load(settings))
        {
            EvaluationResult result = task.Run(model, tokenizer, [adapter], options, stop: stop)[0];
            stop.ThrowIfCancellationRequested();
            foreach (EvaluationMeasure measure in result.Measures.Where(m => m.Main && double.IsFinite(m.Value)))
            {
                numbers[$"{task.Name} {measure.Name}"] = measure.Value;
            }
        }
        return numbers;
    }
}
