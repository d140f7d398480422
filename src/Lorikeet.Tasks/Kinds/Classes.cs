using Lorikeet.Models;
using Lorikeet.Models.Files;
using Lorikeet.Training;

namespace Lorikeet.Tasks;

/// <summary>Kind <c>classify</c>: an adapter with a classification head tells the class by it; others by which of the classes' words is the likeliest after the prompt.</summary>
internal static class Classes
{
    public static IReadOnlyList<EvaluationResult> Run(TaskRun run)
    {
        TaskFile file = run.File;
        List<DataRow> rows = [.. run.Rows()];
        string[] words = [.. file.Labels.Select(l => l.Value)];
        List<string> labels = Labels(run, rows);
        Dictionary<string, int> numbers = labels.Select((label, i) => (label, i)).ToDictionary(p => p.label, p => p.i, StringComparer.Ordinal);
        int[] truth = [.. rows.Select(row => numbers.TryGetValue(file.Label!.Fill(row), out int number)
            ? number
            : throw new BadFileException($"{row.Where}: the class '{file.Label!.Fill(row)}' is not one of {string.Join(", ", labels.Take(12))}."))];
        int[][] heads = [.. run.Adapters.Select(a => a?.Classifier is { } head ? Order(head, numbers, a.Name) : [])];
        List<int> speaking = [.. Enumerable.Range(0, heads.Length).Where(a => heads[a].Length == 0)];
        if (speaking.Count > 0 && words.Length == 0)
        {
            throw new ArgumentException(
                $"{run.Adapters[speaking[0]]?.Name ?? "the bare model"} has no classification head, and the task {run.Name} has no labels with words: leave it out, or give the words");
        }
        string shots = speaking.Count > 0 ? run.Shots(row => file.Prompt!.Fill(row) + words[numbers[file.Label!.Fill(row)]]) : "";
        double[][][] found = [.. run.Adapters.Select(_ => new double[rows.Count][])];
        int done = ScoredExamples.Run(
            run,
            rows.Count,
            i =>
            {
                List<ScoredText> texts = speaking.Count > 0 ? Continuations.Make(run, run.Laid(shots + file.Prompt!.Fill(rows[i])), words, speaking) : [];
                int[]? ids = null;
                for (int a = 0; a < heads.Length; a++)
                {
                    if (heads[a].Length > 0)
                    {
                        ids ??= Whole(run, rows[i]);
                        texts.Insert(Place(heads, words.Length, a), new ScoredText(run.Adapters[a], ids, [.. ids.Select(_ => -1)]) { Classified = true });
                    }
                }
                return texts;
            },
            (i, texts) =>
            {
                for (int a = 0; a < heads.Length; a++)
                {
                    int at = Place(heads, words.Length, a);
                    double[] scores = heads[a].Length > 0
                        ? [.. heads[a].Select(of => of < 0 ? double.NegativeInfinity : texts[at].Logits[of])]
                        : [.. Enumerable.Range(at, words.Length).Select(t => texts[t].LogProbability)];
                    found[a][i] = Softmax(scores);
                    run.Answered(a, i, file.Text!.Fill(rows[i]), labels[MultipleChoice.Best(found[a][i])], [labels[truth[i]]]);
                }
            });
        return [.. heads.Select((_, a) => run.Result(a, Measures(found[a].AsSpan(0, done), truth.AsSpan(0, done), labels.Count), done, rows.Count))];
    }

    /// <summary>Where an adapter's texts begin among an example's: one of an adapter with a head, else one a word.</summary>
    private static int Place(int[][] heads, int words, int adapter)
    {
        int at = 0;
        for (int a = 0; a < adapter; a++)
        {
            at += heads[a].Length > 0 ? 1 : words;
        }
        return at;
    }

    private static int[] Whole(TaskRun run, DataRow row)
    {
        int[] ids = run.Tokenizer.Encode(run.File.Text!.Fill(row));
        int most = run.Model.Config.MaxPositions;
        if (ids.Length > most)
        {
            run.Note($"texts longer than the model's {most} positions lost their end where a head reads them");
        }
        return ids.Length == 0 ? throw new BadFileException($"{row.Where} has no text to classify.") : ids[..Math.Min(ids.Length, most)];
    }

    private static List<string> Labels(TaskRun run, List<DataRow> rows) => run.File.Labels.Count > 0
        ? [.. run.File.Labels.Select(l => l.Key)]
        : run.Adapters.FirstOrDefault(a => a?.Classifier is not null) is { } first
            ? [.. first.Classifier!.Labels]
            : [.. rows.Select(row => run.File.Label!.Fill(row)).Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal)];

    /// <summary>For each of the task's classes its row in a head; -1: the head does not know it.</summary>
    private static int[] Order(ClassHead head, Dictionary<string, int> numbers, string adapter)
    {
        int[] order = [.. numbers.Keys.Select(_ => -1)];
        for (int i = 0; i < head.Labels.Count; i++)
        {
            order[numbers.TryGetValue(head.Labels[i], out int number)
                ? number
                : throw new ArgumentException($"adapter {adapter} tells the class '{head.Labels[i]}', which the task does not have: {string.Join(", ", numbers.Keys.Take(12))}")] = i;
        }
        return order;
    }

    private static double[] Softmax(double[] scores)
    {
        double most = scores.Max(), sum = scores.Sum(s => Math.Exp(s - most));
        return [.. scores.Select(s => Math.Exp(s - most) / sum)];
    }

    private static List<EvaluationMeasure> Measures(ReadOnlySpan<double[]> probabilities, ReadOnlySpan<int> truth, int classes)
    {
        if (truth.IsEmpty)
        {
            return [];
        }
        double[][] all = probabilities.ToArray();
        int[] right = truth.ToArray(), predicted = [.. all.Select(p => MultipleChoice.Best(p))];
        Classification found = new(right, predicted, classes);
        List<EvaluationMeasure> measures =
        [
            EvaluationMeasure.Share("accuracy", found.Accuracy, right.Length),
            // Of two classes the second is the positive one.
            classes == 2 ? new("f1", found.PerClass[1].F1) : new("macro_f1", found.Macro.F1),
            new("auc", classes == 2 ? RankCurves.RocAuc([.. right.Select(t => t == 1)], [.. all.Select(p => p[1])]) : RankCurves.OneVersusRest(right, all)),
            new("macro_f1", found.Macro.F1, Main: false),
            new("mcc", found.Mcc, Main: false),
            new("log_loss", RankCurves.LogLoss(right, all), Main: false, LowerIsBetter: true),
        ];
        if (classes > 2)
        {
            measures.RemoveAt(3);
        }
        return measures;
    }
}
