using System.CommandLine;
using System.Globalization;
using System.Text;
using System.Text.Json.Nodes;
using Lorikeet.Models.Files;
using Lorikeet.Training;

namespace Lorikeet.Cli.Commands;

/// <summary><c>lorikeet score</c>: what was written against what should have been.</summary>
internal static class ScoreCommand
{
    private static readonly Option<string[]> MetricNames = new("--metric") { Description = "The metric; repeat for several. Without it: the list of metrics" };
    private static readonly Option<string?> Candidates = new("--candidates", "-c") { Description = "What a model wrote, one a line", HelpName = "FILE" };
    private static readonly Option<string[]> References = new("--references", "-r") { Description = "What it should have written, line by line; several files are several references (an empty line in a further file: none)", HelpName = "FILE" };
    private static readonly Option<string[]> Set = new("--set") { Description = "A setting of the metric, NAME=VALUE", HelpName = "NAME=VALUE" };
    private static readonly Option<bool> Json = new("--json") { Description = "One JSON object a metric instead of text" };

    /// <summary>The command.</summary>
    public static Command Create()
    {
        Command command = new(
            "score",
            "Scores texts, labels or numbers against references, line by line.\n\n" +
            "Examples:\n" +
            "  lorikeet score --metric bleu --candidates out.txt --references wanted.txt\n" +
            "  lorikeet score --metric chrf --set word_order=2 --metric ter --candidates out.txt --references a.txt --references b.txt\n" +
            "  lorikeet score")
        {
            MetricNames, Candidates, References, Set, Json,
        };
        command.SetAction(parsed => Run(parsed));
        return command;
    }

    private static int Run(ParseResult parsed)
    {
        string[] names = parsed.GetValue(MetricNames) ?? [];
        if (names.Length == 0)
        {
            List();
            return 0;
        }
        string candidates = parsed.GetValue(Candidates) ?? throw new UsageException("there is nothing to score; give --candidates FILE");
        string[] references = parsed.GetValue(References) ?? [];
        if (references.Length == 0)
        {
            throw new UsageException("there is nothing to compare with; give --references FILE");
        }
        Metric[] metrics = [.. names.Select(Metrics.Get)];
        IReadOnlyList<Dictionary<string, string>> settings = Settings(parsed.GetValue(Set) ?? [], metrics);
        MetricInput input = Read(candidates, references);
        for (int i = 0; i < metrics.Length; i++)
        {
            Write(metrics[i], metrics[i].Score(input, settings[i]), parsed.GetValue(Json));
        }
        return 0;
    }

    private static void List()
    {
        int width = Metrics.All.Max(m => m.Name.Length);
        foreach (Metric metric in Metrics.All)
        {
            Console.Out.WriteLine($"{metric.Name.PadRight(width)}  {metric.Summary} As {metric.Source}.");
            if (metric.Settings.Count > 0)
            {
                Console.Out.WriteLine($"{"".PadRight(width)}  settings: {string.Join(", ", metric.Settings)}");
            }
        }
    }

    // A setting goes to every metric that has it, and must have one.
    private static List<Dictionary<string, string>> Settings(string[] given, Metric[] metrics)
    {
        List<Dictionary<string, string>> settings = [.. metrics.Select(_ => new Dictionary<string, string>())];
        foreach (string setting in given)
        {
            string[] parts = setting.Split('=', 2);
            int[] takers = [.. Enumerable.Range(0, metrics.Length).Where(i => metrics[i].Settings.Any(s => s.Split('=')[0] == parts[0]))];
            if (parts.Length != 2 || takers.Length == 0)
            {
                throw new UsageException(parts.Length != 2
                    ? $"--set is '{setting}'; expected NAME=VALUE"
                    : $"no metric has a setting '{parts[0]}'; {string.Join("; ", metrics.Select(m => $"{m.Name} has {(m.Settings.Count > 0 ? string.Join(", ", m.Settings.Select(s => s.Split('=')[0])) : "none")}"))}");
            }
            foreach (int i in takers)
            {
                settings[i][parts[0]] = parts[1];
            }
        }
        return settings;
    }

    private static MetricInput Read(string candidates, string[] references)
    {
        string[] lines = Lines(candidates);
        List<string>[] each = [.. lines.Select(_ => new List<string>())];
        for (int f = 0; f < references.Length; f++)
        {
            string[] wanted = Lines(references[f]);
            if (wanted.Length != lines.Length)
            {
                throw new BadFileException($"{candidates} has {lines.Length} lines and {references[f]} {wanted.Length}; expected as many of both.");
            }
            for (int i = 0; i < wanted.Length; i++)
            {
                if (f == 0 || wanted[i].Length > 0)
                {
                    each[i].Add(wanted[i]);
                }
            }
        }
        return new MetricInput(lines, each);
    }

    private static string[] Lines(string path)
    {
        try
        {
            string text = new UTF8Encoding(false, throwOnInvalidBytes: true).GetString(File.ReadAllBytes(path)).TrimStart('\uFEFF').Replace("\r\n", "\n", StringComparison.Ordinal);
            return text.Length == 0 ? [] : (text.EndsWith('\n') ? text[..^1] : text).Split('\n');
        }
        catch (DecoderFallbackException e)
        {
            throw new BadFileException($"{path} is not UTF-8 at byte {e.Index}; save it as UTF-8.", e);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new BadFileException($"{path} cannot be read: {e.Message}", e);
        }
    }

    private static void Write(Metric metric, MetricResult result, bool json)
    {
        if (!json)
        {
            Console.Out.WriteLine($"{metric.Name,-24}{Shown(result.Value),12}{(result.Signature is null ? "" : "  " + result.Signature)}");
            foreach ((string name, double value) in result.Details)
            {
                Console.Out.WriteLine($"  {name,-22}{Shown(value),12}");
            }
            return;
        }
        JsonObject line = new() { ["metric"] = metric.Name, ["value"] = Finite(result.Value) };
        foreach ((string name, double value) in result.Details)
        {
            line[name] = Finite(value);
        }
        if (result.Signature is not null)
        {
            line["signature"] = result.Signature;
        }
        Console.Out.WriteLine(line.ToJsonString());
    }

    private static string Shown(double value) => double.IsNaN(value) ? "undefined" : value.ToString("0.######", CultureInfo.InvariantCulture);

    private static JsonNode? Finite(double value) => double.IsFinite(value) ? value : null;
}
