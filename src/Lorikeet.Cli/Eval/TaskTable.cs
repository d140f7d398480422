using System.Diagnostics;
using System.Globalization;
using System.Text.Json.Nodes;
using Lorikeet.Adapters;
using Lorikeet.Models;
using Lorikeet.Models.Files;
using Lorikeet.Models.Text;
using Lorikeet.Tasks;

namespace Lorikeet.Cli.Eval;

/// <summary>Runs tasks and shows results side by side: a table a task, a line an adapter.</summary>
internal static class TaskTable
{
    private const int Stopped = 130;

    /// <summary>Runs and prints; what is done is printed where the run is stopped.</summary>
    public static int Run(
        IReadOnlyList<EvaluationTask> tasks,
        LanguageModel model,
        Tokenizer tokenizer,
        EvaluatedAdapters who,
        EvaluationOptions options,
        bool merged,
        string? answers,
        bool json,
        CancellationToken stop)
    {
        List<EvaluationAnswer> given = [];
        options = answers is null ? options : options with { Answered = given.Add };
        foreach (EvaluationTask task in tasks)
        {
            List<EvaluationResult> results = [.. Each(task, model, tokenizer, who.All, options, stop)];
            foreach (TrainedAdapter adapter in merged && !stop.IsCancellationRequested ? who.All.OfType<TrainedAdapter>() : [])
            {
                using MergedModel folded = Merging.MergeInto(model, adapter);
                results.AddRange(Each(task, model, tokenizer, [null], options, stop).Select(r => r with { Adapter = adapter.Name + " (merged)", Notes = [.. r.Notes, .. folded.Warnings] }));
            }
            if (json)
            {
                results.ForEach(WriteJson);
            }
            else
            {
                Write(task, results);
            }
            if (stop.IsCancellationRequested)
            {
                break;
            }
        }
        if (answers is not null)
        {
            AtomicFile.WriteText(answers, string.Concat(given.Select(Line)));
        }
        return stop.IsCancellationRequested ? Stopped : 0;
    }

    private static IReadOnlyList<EvaluationResult> Each(
        EvaluationTask task, LanguageModel model, Tokenizer tokenizer, IReadOnlyList<Adapter?> adapters, EvaluationOptions options, CancellationToken stop)
    {
        long start = Stopwatch.GetTimestamp(), shown = start;
        bool terminal = !Console.IsErrorRedirected;
        EvaluationProgress last = default;
        IReadOnlyList<EvaluationResult> results = task.Run(model, tokenizer, adapters, options, Show, stop);
        if (terminal && last.Total > 0)
        {
            Console.Error.Write("\r\u001b[K");
        }
        double seconds = Stopwatch.GetElapsedTime(start).TotalSeconds;
        Console.Error.WriteLine(string.Create(
            CultureInfo.InvariantCulture, $"{task.Name}: {last.Done} of {last.Total} examples, {adapters.Count} in a batch, {last.Rows} rows in {seconds:F1} s, {last.Rows / seconds:F0} rows/s"));
        return results;

        void Show(EvaluationProgress now)
        {
            last = now;
            if (Stopwatch.GetElapsedTime(shown).TotalSeconds > (terminal ? 0.5 : 20))
            {
                shown = Stopwatch.GetTimestamp();
                Console.Error.Write($"{(terminal ? "\r\u001b[K" : "")}{now.Task}: {now.Done} of {now.Total} examples{(terminal ? "" : "\n")}");
            }
        }
    }

    private static void Write(EvaluationTask task, List<EvaluationResult> results)
    {
        EvaluationResult first = results[0];
        Console.WriteLine($"{task.Name} ({first.Examples} of {first.Total} examples{(first.Complete ? "" : ", stopped")})");
        int width = Math.Max(28, results.Max(r => r.Adapter?.Length ?? 0) + 2);
        List<EvaluationMeasure> shown = [.. first.Measures.Where(m => m.Main)];
        Console.WriteLine("  " + "adapter".PadRight(width) + string.Concat(shown.Select(m => $"  {m.Name.PadLeft(Width(m))}")));
        foreach (EvaluationResult result in results)
        {
            Console.WriteLine("  " + (result.Adapter ?? "(none)").PadRight(width)
                + string.Concat(shown.Select(m => $"  {Cell(result.Measures.FirstOrDefault(own => own.Name == m.Name)).PadLeft(Width(m))}")));
        }
        foreach (string note in results.SelectMany(r => r.Notes).Distinct())
        {
            Console.Error.WriteLine($"note: {note}");
        }
    }

    private static int Width(in EvaluationMeasure measure) => Math.Max(measure.Name.Length, double.IsNaN(measure.StandardError) ? 10 : 17);

    private static string Cell(in EvaluationMeasure measure) => measure.Name is null || double.IsNaN(measure.Value) ? "-"
        : measure.Value.ToString("F4", CultureInfo.InvariantCulture)
            + (double.IsNaN(measure.StandardError) ? "" : " ± " + measure.StandardError.ToString("F4", CultureInfo.InvariantCulture));

    private static void WriteJson(EvaluationResult result)
    {
        JsonObject measures = [], errors = [];
        foreach (EvaluationMeasure measure in result.Measures)
        {
            measures[measure.Name] = TextTable.Finite(measure.Value);
            if (!double.IsNaN(measure.StandardError))
            {
                errors[measure.Name] = measure.StandardError;
            }
        }
        JsonObject line = new()
        {
            ["task"] = result.Task,
            ["adapter"] = result.Adapter,
            ["examples"] = result.Examples,
            ["total"] = result.Total,
            ["measures"] = measures,
            ["standard_errors"] = errors,
            ["notes"] = new JsonArray([.. result.Notes.Select(n => (JsonNode)n)]),
        };
        Console.WriteLine(line.ToJsonString());
    }

    private static string Line(EvaluationAnswer answer) => new JsonObject
    {
        ["task"] = answer.Task,
        ["adapter"] = answer.Adapter,
        ["example"] = answer.Example,
        ["prompt"] = answer.Prompt,
        ["output"] = answer.Output,
        ["expected"] = new JsonArray([.. answer.Expected.Select(e => (JsonNode)e)]),
    }.ToJsonString() + "\n";
}
