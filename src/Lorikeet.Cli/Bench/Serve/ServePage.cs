using System.Globalization;
using System.Text.Json.Nodes;
using Lorikeet.Training;

namespace Lorikeet.Cli.Bench;

/// <summary>A run as a page with pictures: distributions of times, and how the run went.</summary>
internal static class ServePage
{
    private const int Marks = 200;

    /// <summary>The page.</summary>
    public static string Write(ServeResult result, JsonObject settings)
    {
        Dictionary<string, double[]> times = result.Times.ToDictionary(t => t.Key, t => t.Sorted);
        HtmlPage page = new HtmlPage("Serving under load")
            .Note(string.Join(", ", settings.Where(s => s.Value is not null).Select(s => $"{s.Key.Replace('_', ' ')} {s.Value?.ToJsonString().Trim('"')}")))
            .Tiles(
            [
                ("requests/s", Number(result.RequestRate, "F2")), ("tokens/s of answers", Number(result.OutputRate, "F1")), ("first token, median", Time(ServeResult.Quantile(times["first_token_s"], 0.5))),
                ("first token, p99", Time(ServeResult.Quantile(times["first_token_s"], 0.99))), ("each further token, median", Time(ServeResult.Quantile(times["per_token_s"], 0.5))),
                ("in time", Number(result.Attained * 100, "F1") + " %"), ("failed", $"{result.All.Count - result.Good.Length} of {result.All.Count}"),
            ])
            .Charts(
            [
                new Chart("Time to the first token", "share of answered requests, %", "seconds", [Shares("first token", times["first_token_s"])]),
                new Chart("Time for each further token", "share of answered requests, %", "milliseconds", [Shares("each further token", times["per_token_s"], 1000)]),
                new Chart("Time for whole requests", "share of answered requests, %", "seconds", [Shares("whole request", times["request_s"])]),
                new Chart("First token by arrival", "seconds after the start", "seconds", [new ChartLine("first token", [.. result.Good.OrderBy(o => o.Due).Select(o => (o.Due, o.FirstToken))], LineStyle.Noisy)]),
                new Chart("In flight", "seconds after the start", "requests", [new ChartLine("sent and not over", InFlight(result.All), LineStyle.Plain)]),
                new Chart("Requests by adapter", "adapters, the most wanted first", "requests", [new ChartLine("requests", Popularity(result.All), LineStyle.Plain)]),
            ])
            .Table("Times (ms)", ["what", "#p50", "#p90", "#p95", "#p99", "#most"], result.Times.Select(t => (IReadOnlyList<string>)[t.Name, .. ((double[])[0.5, 0.9, 0.95, 0.99, 1]).Select(q => Number(ServeResult.Quantile(t.Sorted, q) * 1000, "F1"))]));
        if (result.Errors.Any())
        {
            page.Table("Failures", ["kind", "#requests"], result.Errors.Select(e => (IReadOnlyList<string>)[e.Kind, e.Count.ToString(CultureInfo.InvariantCulture)]));
        }
        return page.ToString();
    }

    private static ChartLine Shares(string name, double[] sorted, double unit = 1) =>
        new(name, sorted.Length == 0 ? [] : [.. Enumerable.Range(0, Marks + 1).Select(i => (100.0 * i / Marks, ServeResult.Quantile(sorted, (double)i / Marks) * unit))], LineStyle.Plain);

    private static List<(double X, double Y)> InFlight(IReadOnlyList<RequestOutcome> all)
    {
        List<(double X, double Y)> steps = [(0, 0)];
        foreach ((double at, int change) in all.SelectMany(o => ((double, int)[])[(o.Sent, 1), (o.End, -1)]).OrderBy(e => e.Item1))
        {
            steps.Add((at, steps[^1].Y));
            steps.Add((at, steps[^1].Y + change));
        }
        return steps;
    }

    private static (double X, double Y)[] Popularity(IReadOnlyList<RequestOutcome> all) =>
        [.. all.GroupBy(o => o.Request.Adapter).Select(g => g.Count()).OrderDescending().Select((count, i) => (i + 1.0, (double)count))];

    private static string Time(double seconds) => seconds >= 1 ? Number(seconds, "F2") + " s" : Number(seconds * 1000, "F1") + " ms";

    private static string Number(double value, string format) => double.IsNaN(value) ? "-" : value.ToString(format, CultureInfo.InvariantCulture);
}
