using System.Globalization;
using System.Text.Json.Nodes;
using Lorikeet.Cli.Eval;

namespace Lorikeet.Cli.Bench;

/// <summary>The figures of a run.</summary>
/// <param name="outcomes">What came of each request.</param>
/// <param name="sloFirst">Seconds to the first token that are good enough.</param>
/// <param name="sloToken">Seconds for each further token that are good enough; null: any.</param>
internal sealed class ServeResult(IReadOnlyList<RequestOutcome> outcomes, double sloFirst, double? sloToken)
{
    /// <summary>What came of each request.</summary>
    public IReadOnlyList<RequestOutcome> All => outcomes;

    /// <summary>Those that were answered.</summary>
    public RequestOutcome[] Good { get; } = [.. outcomes.Where(o => o.Error is null)];

    /// <summary>From the first request that was due to the last that was over, seconds.</summary>
    public double Seconds { get; } = Math.Max(outcomes.Max(o => o.End) - outcomes.Min(o => o.Due), 1e-9);

    /// <summary>Answered requests a second, as S-LoRA counts throughput.</summary>
    public double RequestRate => Good.Length / Seconds;

    /// <summary>Tokens of answers a second.</summary>
    public double OutputRate => Good.Sum(o => (long)o.OutputTokens) / Seconds;

    /// <summary>Tokens of prompts a second.</summary>
    public double InputRate => Good.Sum(o => (long)o.InputTokens) / Seconds;

    /// <summary>Failures by kind, the most frequent first.</summary>
    public IEnumerable<(string Kind, int Count)> Errors =>
        outcomes.Where(o => o.Error is not null).GroupBy(o => o.Error!).Select(g => (g.Key, g.Count())).OrderByDescending(e => e.Item2).ThenBy(e => e.Key, StringComparer.Ordinal);

    /// <summary>Share of all requests, failed ones too, that were answered within the limits.</summary>
    public double Attained => (double)Good.Count(o => o.FirstToken <= sloFirst && !(sloToken is { } most && o.PerToken > most)) / outcomes.Count;

    /// <summary>The distributions that are reported, in seconds.</summary>
    public IEnumerable<(string Name, string Key, double[] Sorted)> Times =>
    [
        ("first token", "first_token_s", Sorted(Good.Select(o => o.FirstToken))),
        ("each further token", "per_token_s", Sorted(Good.Select(o => o.PerToken))),
        ("between pieces", "between_pieces_s", Sorted(Good.SelectMany(o => o.Gaps))),
        ("whole request", "request_s", Sorted(Good.Select(o => o.Whole))),
        ("sent late", "late_s", Sorted(outcomes.Select(o => o.Sent - o.Due))),
    ];

    /// <summary>A quantile, linear between neighbours; not a number where there are none.</summary>
    public static double Quantile(IReadOnlyList<double> sorted, double share)
    {
        if (sorted.Count == 0)
        {
            return double.NaN;
        }
        double at = share * (sorted.Count - 1);
        int low = (int)at;
        return low + 1 < sorted.Count ? sorted[low] + ((at - low) * (sorted[low + 1] - sorted[low])) : sorted[low];
    }

    /// <summary>Prints the figures.</summary>
    public void Print(TextWriter to)
    {
        CultureInfo culture = CultureInfo.InvariantCulture;
        to.WriteLine(string.Create(culture, $"requests  {outcomes.Count}: {Good.Length} answered, {outcomes.Count - Good.Length} failed, {Seconds:F2} s"));
        foreach ((string kind, int count) in Errors)
        {
            to.WriteLine(string.Create(culture, $"failed    {count}: {kind}"));
        }
        to.WriteLine(string.Create(culture, $"rate      {RequestRate:F2} requests/s, {OutputRate:F1} tokens/s of answers, {InputRate:F1} tokens/s of prompts"));
        to.WriteLine(string.Create(culture, $"in time   {Attained:P1} (first token within {sloFirst} s{(sloToken is { } most ? $", {most * 1000} ms each further" : "")})"));
        to.WriteLine();
        to.WriteLine($"{"ms",-20}{"mean",10}{"p50",10}{"p90",10}{"p95",10}{"p99",10}{"most",10}");
        foreach ((string name, _, double[] sorted) in Times)
        {
            to.WriteLine($"{name,-20}" + string.Concat(Figures(sorted).Select(f => double.IsNaN(f.Value) ? $"{"-",10}" : string.Create(culture, $"{f.Value * 1000,10:F1}"))));
        }
    }

    /// <summary>The figures as one object.</summary>
    /// <param name="settings">What was asked for.</param>
    public JsonObject Json(JsonObject settings)
    {
        JsonObject errors = [], json = new()
        {
            ["settings"] = settings,
            ["requests"] = outcomes.Count,
            ["answered"] = Good.Length,
            ["failed"] = outcomes.Count - Good.Length,
            ["errors"] = errors,
            ["seconds"] = Seconds,
            ["requests_per_s"] = RequestRate,
            ["output_tokens_per_s"] = OutputRate,
            ["input_tokens_per_s"] = InputRate,
            ["slo_attainment"] = Attained,
        };
        foreach ((string kind, int count) in Errors)
        {
            errors[kind] = count;
        }
        foreach ((_, string key, double[] sorted) in Times)
        {
            json[key] = new JsonObject(Figures(sorted).Select(f => new KeyValuePair<string, JsonNode?>(f.Name, TextTable.Finite(f.Value))));
        }
        return json;
    }

    private static double[] Sorted(IEnumerable<double> values)
    {
        double[] sorted = [.. values.Where(double.IsFinite)];
        Array.Sort(sorted);
        return sorted;
    }

    private static IEnumerable<(string Name, double Value)> Figures(double[] sorted) =>
    [
        ("mean", sorted.Length > 0 ? sorted.Average() : double.NaN), ("p50", Quantile(sorted, 0.5)), ("p90", Quantile(sorted, 0.9)), ("p95", Quantile(sorted, 0.95)),
        ("p99", Quantile(sorted, 0.99)), ("max", Quantile(sorted, 1)),
    ];
}
