using System.Globalization;

namespace Lorikeet.Training;

/// <summary>report.html of a comparison: all methods in the same pictures and one table.</summary>
internal static class ComparisonPage
{
    /// <summary>The page.</summary>
    public static string Write(Comparison comparison, IReadOnlyList<ComparedMethod> methods, IReadOnlyList<RunHistory> histories)
    {
        RunSettings shared = comparison.Settings.Shared;
        string[] tasks = [.. methods.SelectMany(m => m.Tasks.Keys).Distinct()];
        return new HtmlPage("Methods compared")
            .Note($"{Path.GetFileName(Path.TrimEndingDirectorySeparator(shared.Model))} on {string.Join(", ", shared.Data.Select(d => Path.GetFileName(d)))}, budget {comparison.Settings.Budget}")
            .Charts(
            [
                new Chart("Held-out loss by step", "optimiser step", "nats a token", [.. Lines(methods, histories, HeldOutBySteps, LineStyle.Dots)]),
                new Chart("Held-out loss by time", "seconds of training", "nats a token", [.. Lines(methods, histories, HeldOutBySeconds, LineStyle.Dots)]),
                new Chart("Training loss", "optimiser step", "nats a token", [.. Lines(methods, histories, h => h.Steps[0].Select(s => ((double)s.Step, s.Loss)), LineStyle.Noisy)]),
                new Chart("Size and loss", "log10 of the numbers that train", "held-out loss", [.. Sizes(methods)]) { FromZero = false },
            ])
            .Table("Results", Columns(tasks), methods.Select(m => Row(m, tasks)))
            .ToString();
    }

    /// <summary>The columns of the table of results; those with # hold numbers.</summary>
    public static IReadOnlyList<string> Columns(IReadOnlyList<string> tasks) =>
        ["method", "#held-out loss", "#best", .. tasks.Select(t => "#" + t), "#numbers that train", "#optimiser state", "#peak memory", "#steps", "#tokens", "#tokens/s", "#seconds", "options"];

    /// <summary>One row of it.</summary>
    public static IReadOnlyList<string> Row(ComparedMethod method, IReadOnlyList<string> tasks) => method.Failure is { } failure
        ? [method.Name, failure]
        :
        [
            method.Name, Loss(method.HeldOutLoss), Loss(method.BestHeldOutLoss), .. tasks.Select(t => method.Tasks.TryGetValue(t, out double value) ? RunFacts.Number(value) : "-"),
            RunFacts.Count(method.TrainedParameters), RunFacts.Bytes(method.OptimizerBytes), RunFacts.Bytes(method.PeakBytes), method.Steps.ToString(CultureInfo.InvariantCulture),
            RunFacts.Count(method.Tokens), method.TokensPerSecond.ToString("F0", CultureInfo.InvariantCulture), method.Seconds.ToString("F1", CultureInfo.InvariantCulture), method.Options,
        ];

    private static string Loss(double? loss) => loss is { } value ? value.ToString("F4", CultureInfo.InvariantCulture) : "-";

    private static IEnumerable<ChartLine> Lines(
        IReadOnlyList<ComparedMethod> methods, IReadOnlyList<RunHistory> histories, Func<RunHistory, IEnumerable<(double, double)>> points, LineStyle style)
    {
        for (int i = 0; i < methods.Count; i++)
        {
            yield return new ChartLine(methods[i].Name, [.. points(histories[i])], style);
        }
    }

    private static IEnumerable<(double, double)> HeldOutBySteps(RunHistory history) => history.HeldOut[0].Select(h => ((double)h.Step, h.Loss));

    private static IEnumerable<(double, double)> HeldOutBySeconds(RunHistory history)
    {
        double seconds = 0;
        int at = 0;
        foreach (HeldOutRecord held in history.HeldOut[0])
        {
            for (; at < history.Steps[0].Count && history.Steps[0][at].Step <= held.Step; at++)
            {
                seconds += history.Steps[0][at].Seconds;
            }
            yield return (seconds, held.Loss);
        }
    }

    private static IEnumerable<ChartLine> Sizes(IReadOnlyList<ComparedMethod> methods) =>
        methods.Select(m => new ChartLine(m.Name, m is { TrainedParameters: > 0, HeldOutLoss: { } loss } ? [(Math.Log10(m.TrainedParameters), loss)] : [], LineStyle.Dots));
}
