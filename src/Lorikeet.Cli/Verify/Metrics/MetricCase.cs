using System.Text.Json;
using Lorikeet.Training;

namespace Lorikeet.Cli.Verify.Metrics;

/// <summary>One case of a list, with what it takes to compare it.</summary>
internal sealed class MetricCase(string folder, JsonElement item, string name, CaseReport report)
{
    private const double Tolerance = 1e-9;

    public string Folder => folder;

    public JsonElement Item => item;

    public string Name => name;

    public bool Has(string field) => item.TryGetProperty(field, out JsonElement value) && value.ValueKind != JsonValueKind.Null;

    public string Text(string field) => item.GetProperty(field).GetString()!;

    /// <summary>An option; null: it is not given.</summary>
    public JsonElement? Option(string field) =>
        item.TryGetProperty("options", out JsonElement options) && options.TryGetProperty(field, out JsonElement value) && value.ValueKind != JsonValueKind.Null ? value : null;

    public bool Flag(string field) => Option(field)?.GetBoolean() ?? false;

    public int Number(string field, int otherwise) => Option(field)?.GetInt32() ?? otherwise;

    /// <summary>Candidates and references, given as streams: references[j][i] belongs to candidate i, null is none.</summary>
    public MetricInput Streams()
    {
        string[] candidates = Texts(item.GetProperty("hypotheses"));
        JsonElement streams = item.GetProperty("references");
        return new MetricInput(candidates, [.. candidates.Select((_, i) => (IReadOnlyList<string>)
            [.. streams.EnumerateArray().Select(s => s[i]).Where(r => r.ValueKind == JsonValueKind.String).Select(r => r.GetString()!)])]);
    }

    /// <summary>One candidate with its references.</summary>
    public MetricInput Sentence() => new([Text("hypothesis")], [Texts(item.GetProperty("references"))]);

    /// <summary>Candidates with all references of each.</summary>
    public MetricInput Lists() => new(Texts(item.GetProperty("hypotheses")), [.. item.GetProperty("references").EnumerateArray().Select(r => (IReadOnlyList<string>)Texts(r))]);

    public static string[] Texts(JsonElement list) => [.. list.EnumerateArray().Select(t => t.GetString()!)];

    public static double[] Numbers(JsonElement list) => [.. list.EnumerateArray().Select(n => n.GetDouble())];

    /// <summary>Compares a number with a field; null is NaN.</summary>
    public void Compare(string field, double got)
    {
        if (item.TryGetProperty(field, out JsonElement expected))
        {
            Compare(field, got, expected);
        }
    }

    public void Compare(string what, double got, JsonElement expected) =>
        Compare(what, [got], [expected.ValueKind == JsonValueKind.Null ? double.NaN : expected.GetDouble()]);

    public void Compare(string what, IEnumerable<double> got, IEnumerable<double> expected) =>
        report.Each($"{name}: {what}", [.. got], [.. expected], Tolerance, Tolerance);

    public void Equal(string what, string? got, string? expected) => report.Equal($"{name}: {what}", got == expected, $"expected {expected ?? "nothing"}, computed {got ?? "nothing"}");

    /// <summary>The part of a signature before the version of the package that made it.</summary>
    public void Signature(string got)
    {
        if (Has("signature"))
        {
            string expected = Text("signature");
            int version = expected.IndexOf("|version:", StringComparison.Ordinal);
            Equal("signature", got, version < 0 ? expected : expected[..version]);
        }
    }
}
