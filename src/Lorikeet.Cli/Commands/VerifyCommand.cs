using System.CommandLine;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using Lorikeet.Cli.Verify;

namespace Lorikeet.Cli.Commands;

/// <summary><c>lorikeet verify PATH</c>: runs reference cases through this product.</summary>
internal static class VerifyCommand
{
    private const int MostFailuresShown = 20;

    /// <summary>The command.</summary>
    public static Command Create()
    {
        Argument<string> path = new("PATH") { Description = "A folder of areas, an area (its folder's name says the kind of its cases), or a case inside one" };
        Option<bool> json = new("--json") { Description = "One JSON object a comparison instead of a table" };
        Option<bool> all = new("--all") { Description = "List every comparison, not only one line a case" };
        Option<bool> allow = new("--allow-unsupported") { Description = "Count cases that this version refuses by name apart, instead of as failures" };
        Command command = new(
            "verify",
            "Runs a folder of reference cases through the product's own code and compares.\n" +
            "Exit code 1 if a case fails, or could not be run, or there is none.\n\n" +
            "Examples:\n  lorikeet verify ../shared/parity/models/llama2\n  lorikeet verify ../shared/parity --allow-unsupported\n" +
            "  lorikeet verify ../shared/parity/tokenizers --json > report.jsonl")
        {
            path, json, all, allow,
        };
        command.SetAction((parsed, stop) => Task.Run(
            () => Run(parsed.GetValue(path)!, parsed.GetValue(json), parsed.GetValue(all), parsed.GetValue(allow), stop), stop));
        return command;
    }

    private static int Run(string path, bool json, bool all, bool allowUnsupported, CancellationToken stop)
    {
        Dictionary<Verdict, int> counts = new() { [Verdict.Pass] = 0, [Verdict.Fail] = 0, [Verdict.Unsupported] = 0 };
        IEnumerable<CaseReport> reports = VerifyRunner.Run(path, stop);
        if (!json)
        {
            Console.Out.WriteLine($"{"verdict",-11}  {"error",8}  {"allowed",8}  case");
        }
        foreach (CaseReport report in reports)
        {
            Verdict verdict = report.Verdict;
            counts[verdict]++;
            IEnumerable<string> lines = json ? report.Comparisons.Select(Json) : all ? report.Comparisons.Select(Line) : Brief(report, verdict);
            foreach (string line in lines)
            {
                Console.Out.WriteLine(line);
            }
        }
        string summary = $"{counts[Verdict.Pass]} cases passed, {counts[Verdict.Fail]} failed, {counts[Verdict.Unsupported]} not supported by this version";
        (json ? Console.Error : Console.Out).WriteLine(summary);
        bool ran = counts.Values.Sum() > 0;
        return ran && counts[Verdict.Fail] == 0 && (allowUnsupported || counts[Verdict.Unsupported] == 0) ? 0 : 1;
    }

    private static IEnumerable<string> Brief(CaseReport report, Verdict verdict)
    {
        if (verdict == Verdict.Fail)
        {
            Comparison[] failed = [.. report.Comparisons.Where(c => c.Verdict == Verdict.Fail)];
            IEnumerable<string> lines = failed.Take(MostFailuresShown).Select(Line);
            return failed.Length <= MostFailuresShown
                ? lines
                : lines.Append($"{"",-11}  {"",8}  {"",8}  {failed[0].Case}: {failed.Length - MostFailuresShown} more of {report.Comparisons.Count} comparisons fail (--all lists them)");
        }
        // A case of which a part is refused says which part.
        if (verdict == Verdict.Unsupported)
        {
            return report.Comparisons.Where(c => c.Verdict == Verdict.Unsupported).Select(Line);
        }
        Comparison worst = report.Comparisons.MaxBy(c => c.Share)!;
        string what = $"{report.Comparisons.Count} comparisons" + (worst.Tolerance > 0 ? $", the worst {worst.What}" : "");
        return [Line(worst with { What = what })];
    }

    private static string Line(Comparison c)
    {
        string word = c.Verdict switch { Verdict.Pass => "pass", Verdict.Fail => "FAIL", _ => "unsupported" };
        string error = c.Verdict == Verdict.Unsupported ? "" : c.Tolerance > 0 ? $"{c.Error:0.0E+0}" : c.Error == 0 ? "equal" : "differs";
        string allowed = c.Tolerance > 0 ? $"{c.Tolerance:0.0E+0}" : "";
        string text = string.Join(": ", ((string?[])[c.Case, c.What == "-" ? null : c.What, c.Note]).Where(part => !string.IsNullOrEmpty(part)));
        return $"{word,-11}  {error,8}  {allowed,8}  {text}";
    }

    private static string Json(Comparison c)
    {
        using MemoryStream stream = new();
        using (Utf8JsonWriter writer = new(stream, new JsonWriterOptions { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping }))
        {
            writer.WriteStartObject();
            writer.WriteString("case", c.Case);
            writer.WriteString("what", c.What);
            WriteNumber(writer, "error", c.Error);
            WriteNumber(writer, "tolerance", c.Tolerance);
            writer.WriteString("verdict", c.Verdict switch { Verdict.Pass => "pass", Verdict.Fail => "fail", _ => "unsupported" });
            if (c.Note is not null)
            {
                writer.WriteString("note", c.Note);
            }
            writer.WriteEndObject();
        }
        return Encoding.UTF8.GetString(stream.ToArray());
    }

    private static void WriteNumber(Utf8JsonWriter writer, string name, double value)
    {
        if (double.IsFinite(value))
        {
            writer.WriteNumber(name, value);
        }
        else
        {
            writer.WriteNull(name);
        }
    }
}
