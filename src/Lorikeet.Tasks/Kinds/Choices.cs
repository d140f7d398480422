using System.Globalization;
using Lorikeet.Models.Files;
using Lorikeet.Training;

namespace Lorikeet.Tasks;

/// <summary>Kind <c>choose</c>: which of several continuations is the likeliest, by the sum of log-probabilities, by byte, by token.</summary>
internal static class Choices
{
    public static IReadOnlyList<EvaluationResult> Run(TaskRun run)
    {
        TaskFile file = run.File;
        List<DataRow> rows = [.. run.Rows()];
        string shots = run.Shots(row =>
        {
            IReadOnlyList<string> own = Texts(file, row);
            return file.Prompt!.Fill(row) + own[Correct(file, row, own)];
        });
        int count = run.Adapters.Count;
        int[] bySum = new int[count], byByte = new int[count], byToken = new int[count];
        int done = ScoredExamples.Run(
            run,
            rows.Count,
            i => Continuations.Make(run, run.Laid(shots + file.Prompt!.Fill(rows[i])), Texts(file, rows[i])),
            (i, texts) =>
            {
                IReadOnlyList<string> choices = Texts(file, rows[i]);
                int correct = Correct(file, rows[i], choices);
                for (int a = 0; a < count; a++)
                {
                    MultipleChoice found = new(choices, [.. choices.Select((_, c) => Continuations.LogProbabilities(texts[(a * choices.Count) + c]))]);
                    int best = MultipleChoice.Best(found.Sums);
                    bySum[a] += best == correct ? 1 : 0;
                    byByte[a] += MultipleChoice.Best(found.PerByte) == correct ? 1 : 0;
                    byToken[a] += MultipleChoice.Best(found.PerToken) == correct ? 1 : 0;
                    run.Answered(a, i, file.Prompt!.Fill(rows[i]), choices[best], [choices[correct]]);
                }
            });
        return
        [
            .. Enumerable.Range(0, count).Select(a => run.Result(
                a,
                [
                    EvaluationMeasure.Share("accuracy", (double)bySum[a] / done, done),
                    EvaluationMeasure.Share("accuracy_by_byte", (double)byByte[a] / done, done),
                    EvaluationMeasure.Share("accuracy_by_token", (double)byToken[a] / done, done, main: false),
                ],
                done,
                rows.Count)),
        ];
    }

    private static IReadOnlyList<string> Texts(TaskFile file, DataRow row)
    {
        IReadOnlyList<string> texts = file.ChoicesField is { } field ? row.Texts(field) : [.. file.Choices.Select(c => c.Fill(row))];
        return texts.Count < 2 || texts.Contains("")
            ? throw new BadFileException($"{row.Where} has {texts.Count} choices; expected at least two, none of them empty.")
            : texts;
    }

    /// <summary>The right choice: its number from 0, its letter from A, or its text.</summary>
    private static int Correct(TaskFile file, DataRow row, IReadOnlyList<string> choices)
    {
        string said = file.Correct!.Fill(row).Trim();
        int found = choices.ToList().FindIndex(c => c.Trim() == said);
        found = found >= 0 ? found
            : int.TryParse(said, NumberStyles.None, CultureInfo.InvariantCulture, out int number) ? number
            : said.Length == 1 && char.IsAsciiLetter(said[0]) ? char.ToUpperInvariant(said[0]) - 'A' : -1;
        return found >= 0 && found < choices.Count
            ? found
            : throw new BadFileException($"{row.Where}: the right choice is '{(said.Length > 40 ? said[..40] + "..." : said)}'; expected a number from 0 to {choices.Count - 1}, a letter, or one of the choices.");
    }
}
