namespace Lorikeet.Training;

/// <summary>The pictures of a run: loss, learning rate, gradient norm, memory, tokens each second.</summary>
internal static class RunCharts
{
    /// <summary>The loss, in training and held out.</summary>
    public static Chart Loss(RunHistory history) => new("Loss", "optimiser step", "nats a token", [.. LossLines(history)]);

    /// <summary>All pictures.</summary>
    public static IEnumerable<Chart> All(RunHistory history)
    {
        yield return Loss(history);
        yield return new Chart("Learning rate", "optimiser step", "rate", [.. Each(history, "rate", s => s.Rate, LineStyle.Plain)]);
        yield return new Chart("Gradient norm", "optimiser step", "norm before clipping", [.. Each(history, "gradient norm", s => s.GradientNorm, LineStyle.Noisy)]);
        yield return Memory(history.Steps[0]);
        yield return new Chart("Speed", "optimiser step", "tokens/s", [new ChartLine("tokens/s", [.. Speeds(history)], LineStyle.Noisy)]);
    }

    private static Chart Memory(IReadOnlyList<StepRecord> steps)
    {
        bool large = steps.Count > 0 && steps.Max(s => s.ResidentBytes) >= 10L << 30;
        double unit = large ? 1 << 30 : 1 << 20;
        return new Chart(
            "Memory",
            "optimiser step",
            large ? "GiB" : "MiB",
            [
                new ChartLine("process", [.. steps.Select(s => ((double)s.Step, s.ResidentBytes / unit))], LineStyle.Plain),
                new ChartLine("values of a step, most", [.. steps.Select(s => ((double)s.Step, s.PeakBytes / unit))], LineStyle.Plain),
            ]);
    }

    private static IEnumerable<ChartLine> LossLines(RunHistory history)
    {
        for (int i = 0; i < history.Names.Count; i++)
        {
            string suffix = Suffix(history, i);
            // A trainee's lines stand side by side in colour.
            int colour = history.Names.Count > 1 ? i : 0;
            yield return new ChartLine("training" + suffix, [.. history.Steps[i].Select(s => ((double)s.Step, s.Loss))], LineStyle.Noisy) { Colour = colour };
            if (history.HeldOut[i].Count > 0)
            {
                yield return new ChartLine("held out" + suffix, [.. history.HeldOut[i].Select(h => ((double)h.Step, h.Loss))], LineStyle.Dots)
                {
                    Colour = history.Names.Count > 1 ? i : 1,
                };
            }
            if (history.HeldOut[i].Any(h => !double.IsNaN(h.Averaged)))
            {
                yield return new ChartLine("held out, average" + suffix, [.. history.HeldOut[i].Select(h => ((double)h.Step, h.Averaged))], LineStyle.Dots)
                {
                    Colour = history.Names.Count > 1 ? i : 2,
                };
            }
        }
    }

    private static IEnumerable<ChartLine> Each(RunHistory history, string name, Func<StepRecord, double> what, LineStyle style)
    {
        for (int i = 0; i < history.Names.Count; i++)
        {
            yield return new ChartLine(name + Suffix(history, i), [.. history.Steps[i].Select(s => ((double)s.Step, what(s)))], style);
        }
    }

    private static IEnumerable<(double, double)> Speeds(RunHistory history)
    {
        for (int at = 0; at < history.Steps[0].Count; at++)
        {
            StepRecord step = history.Steps[0][at];
            yield return (step.Step, step.Seconds > 0 ? history.Steps.Sum(s => at < s.Count ? s[at].Tokens : 0) / step.Seconds : double.NaN);
        }
    }

    private static string Suffix(RunHistory history, int trainee) => history.Names.Count > 1 ? $" ({history.Names[trainee]})" : "";
}
