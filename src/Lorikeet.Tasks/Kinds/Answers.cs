using System.Text;
using Lorikeet.Models;
using Lorikeet.Serving;
using Lorikeet.Training;

namespace Lorikeet.Tasks;

/// <summary>Kind <c>generate</c>: answers are written token by token, always the likeliest one, and compared with references.</summary>
internal static class Answers
{
    public static IReadOnlyList<EvaluationResult> Run(TaskRun run)
    {
        TaskFile file = run.File;
        List<(string Prompt, List<string> References)> examples = Examples(run);
        string shots = run.Shots(row => file.Prompt!.Fill(row) + file.Answer!.Fill(row));
        int count = run.Adapters.Count;
        string[][] outputs = [.. run.Adapters.Select(_ => new string[examples.Count])];
        int done = Generate(run, examples.Count, i => run.Ask(shots + examples[i].Prompt, file.MaxTokens), (i, a, text) => outputs[a][i] = text);
        for (int i = 0; i < done; i++)
        {
            for (int a = 0; a < count; a++)
            {
                run.Answered(a, i, examples[i].Prompt, outputs[a][i], examples[i].References);
            }
        }
        return [.. Enumerable.Range(0, count).Select(a => run.Result(a, Measures(run, outputs[a][..done], examples), done, examples.Count))];
    }

    /// <summary>Rows, or with <c>group</c> the rows that share a prompt, in the order in which prompts first come.</summary>
    private static List<(string Prompt, List<string> References)> Examples(TaskRun run)
    {
        TaskFile file = run.File;
        if (!file.Group)
        {
            return [.. run.Rows().Select(row => (file.Prompt!.Fill(row), new List<string> { file.Answer!.Fill(row) }))];
        }
        List<(string Prompt, List<string> References)> examples = [];
        Dictionary<string, List<string>> known = new(StringComparer.Ordinal);
        foreach (DataRow row in run.AllRows())
        {
            string prompt = file.Prompt!.Fill(row);
            if (!known.TryGetValue(prompt, out List<string>? references))
            {
                known.Add(prompt, references = []);
                examples.Add((prompt, references));
            }
            references.Add(file.Answer!.Fill(row));
        }
        return run.Options.Limit is { } most ? [.. examples.Take(most)] : examples;
    }

    /// <summary>All adapters' answers in one queue, example by example.</summary>
    /// <returns>How many examples all have answered, counted from the first.</returns>
    private static int Generate(TaskRun run, int total, Func<int, int[]> prompt, Action<int, int, string> take)
    {
        int count = run.Adapters.Count, next = 0;
        int[] left = [.. Enumerable.Repeat(count, total)];
        Dictionary<int, (int Example, int Adapter, StringBuilder Text)> open = [];
        using Engine engine = new(run.Model, new EngineOptions { MaxSequences = run.Options.BatchAnswers }, run.Tokenizer);
        IReadOnlyList<int> ends = run.Model.Config.EndIds.Count > 0 ? run.Model.Config.EndIds : run.Tokenizer.EosId is { } end ? [end] : [];
        int done = 0;
        while ((next < total || engine.HasWork) && !run.Stopped)
        {
            while (next < total && open.Count < 2 * run.Options.BatchAnswers)
            {
                int[] ids = prompt(next);
                for (int a = 0; a < count; a++)
                {
                    GenerationRequest request = new()
                    {
                        Prompt = ids,
                        Adapter = run.Adapters[a],
                        MaxTokens = run.File.MaxTokens,
                        Stop = run.File.Stop,
                        EndIds = ends,
                        Sampling = new SamplingOptions { Temperature = 0 },
                    };
                    open.Add(engine.Add(request), (next, a, new StringBuilder()));
                }
                next++;
            }
            foreach (GenerationEvent e in engine.Step())
            {
                (int example, int adapter, StringBuilder text) = open[e.Id];
                text.Append(e.Text);
                if (e.Finish != FinishReason.None)
                {
                    open.Remove(e.Id);
                    take(example, adapter, text.ToString());
                    left[example]--;
                }
            }
            while (done < total && left[done] == 0)
            {
                done++;
            }
            run.Report(done, total, engine.TotalRows);
        }
        return done;
    }

    private static List<EvaluationMeasure> Measures(TaskRun run, string[] outputs, List<(string Prompt, List<string> References)> examples)
    {
        List<EvaluationMeasure> measures = [];
        if (outputs.Length == 0)
        {
            return measures;
        }
        MetricInput input = new([.. outputs.Select(o => o.Trim())], [.. examples.Take(outputs.Length).Select(e => (IReadOnlyList<string>)[.. e.References.Select(r => r.Trim())])]);
        foreach (Metric metric in run.File.Metrics)
        {
            MetricResult found = metric.Score(input);
            bool share = metric.Name is "gsm8k" or "exact";
            measures.Add(share ? EvaluationMeasure.Share(metric.Name, found.Value, outputs.Length) : new(metric.Name, found.Value, LowerIsBetter: metric.Name == "ter"));
            measures.AddRange(found.Details.Where(d => d.Key != metric.Name).Select(d => new EvaluationMeasure($"{metric.Name}.{d.Key}", d.Value, Main: false)));
        }
        return measures;
    }
}
