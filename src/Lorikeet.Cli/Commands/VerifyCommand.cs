using System.CommandLine;
using System.Text.Json;
using Lorikeet.Cli.Verify;
using Spectre.Console;

namespace Lorikeet.Cli.Commands;

/// <summary><c>lorikeet verify PATH</c>: runs reference cases through this product.</summary>
internal static class VerifyCommand
{
    /// <summary>The command.</summary>
    public static Command Create()
    {
        Argument<string> path = new("PATH") { Description = "A folder of areas, an area (its folder's name says the kind of its cases), or a folder inside one" };
        Option<bool> json = new("--json") { Description = "One JSON object a comparison instead of a table" };
        Option<bool> all = new("--all") { Description = "List every comparison, not only one line a case" };
        Option<bool> allow = new("--allow-unsupported") { Description = "Count cases that this version refuses by name apart, instead of as failures" };
        Command command = new(
            "verify",
            "Runs a folder of reference cases through the product's own code and compares.\n\n" +
            "Examples:\n  lorikeet verify ../shared/parity/models/llama2\n  lorikeet verify ../shared/parity --allow-unsupported\n" +
            "Exit code 1 if a case fails or could not be run.")
        {
            path, json, all, allow,
        };
        command.SetAction((parsed, stop) => Task.FromResult(Run(
            parsed.GetValue(path)!, parsed.GetValue(json), parsed.GetValue(all), parsed.GetValue(allow), stop)));
        return command;
    }

    private static int Run(string path, bool json, bool all, bool allowUnsupported, CancellationToken stop)
    {
        int passed = 0, failed = 0, unsupported = 0;
        if (!json)
        {
            Write($"{"verdict",-12}{"largest error",15}{"tolerance",12}  case: what");
        }
        foreach (CaseReport report in VerifyRunner.Run(path, stop))
        {
            Verdict verdict = report.Comparisons.Max(c => c.Verdict is Verdict.Fail ? 2 : c.Verdict is Verdict.Unsupported ? 1 : 0) switch
            {
                2 => Verdict.Fail,
                1 => Verdict.Unsupported,
                _ => Verdict.Pass,
            };
            passed += verdict == Verdict.Pass ? 1 : 0;
            failed += verdict == Verdict.Fail ? 1 : 0;
            unsupported += verdict == Verdict.Unsupported ? 1 : 0;
            if (json)
            {
                foreach (Comparison c in report.Comparisons)
                {
                    Console.WriteLine(Json(c));
                }
            }
            else
            {
                Print(report, verdict, all);
            }
        }
        bool ok = failed == 0 && (allowUnsupported || unsupported == 0);
        string summary = $"{passed} cases passed, {failed} failed, {unsupported} not supported by this version";
        if (json)
        {
            Console.Error.WriteLine(summary);
        }
        else
        {
            Write(summary);
        }
        return ok && passed + failed + unsupported > 0 ? 0 : 1;
    }

    private static void Print(CaseReport report, Verdict verdict, bool all)
    {
        IEnumerable<Comparison> shown = all || verdict == Verdict.Fail
            ? report.Comparisons.Where(c => all || c.Verdict == Verdict.Fail)
            : [report.Comparisons.MaxBy(Share)!];
        foreach (Comparison c in shown)
        {
            string what = all || verdict == Verdict.Fail ? c.What : $"{report.Comparisons.Count} comparisons, worst {c.What}";
            string word = c.Verdict switch { Verdict.Pass => "pass", Verdict.Fail => "FAIL", _ => "unsupported" };
            Write($"{word,-12}{c.Error,15:G3}{c.Tolerance,12:G3}  {c.Case}: {(c.Verdict == Verdict.Unsupported ? "" : what)}{(c.Note is null ? "" : " " + c.Note)}");
        }
    }

    private static double Share(Comparison c) => c.Tolerance > 0 ? c.Error / c.Tolerance : c.Error;

    private static string Json(Comparison c)
    {
        using MemoryStream stream = new();
        using (Utf8JsonWriter writer = new(stream))
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
        return System.Text.Encoding.UTF8.GetString(stream.ToArray());
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

    private static void Write(string line) => AnsiConsole.Profile.Out.Writer.WriteLine(line);
}
