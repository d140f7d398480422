using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using Lorikeet.Training;

namespace Lorikeet.Cli.Commands;

/// <summary>The options that <c>train</c>, <c>pretrain</c> and <c>compare</c> share.</summary>
internal sealed class RunOptions
{
    private readonly IReadOnlyList<RunOption> all = [.. RunDataOptions.Create(), .. RunLossOptions.Create(), .. RunTrainingOptions.Create(), .. RunKeepingOptions.Create()];

    /// <summary>The folder.</summary>
    public Option<string> Out { get; } = new("--out", "-o") { Description = "The folder for the result, the metrics and the report; new, or of a run to resume" };

    /// <summary>Whether an older run goes on.</summary>
    public Option<bool> Resume { get; } = new("--resume") { Description = "Go on where the newest checkpoint in --out stands; every setting is as it was" };

    /// <summary>Adds all options to a command.</summary>
    public void AddTo(Command command)
    {
        foreach (Option option in all.Select(o => o.Option).Prepend(Resume).Prepend(Out))
        {
            command.Options.Add(option);
        }
    }

    /// <summary>The settings as far as all commands know them.</summary>
    public RunSettings Read(ParseResult parsed)
    {
        RunSettings settings = all.Aggregate(new RunSettings(), (s, option) => option.Apply(parsed, s)) with { Out = Folder(parsed) };
        return settings.Data.Count > 0 ? settings : throw new UsageException("--data is missing: name a file or folder");
    }

    /// <summary>The run's folder.</summary>
    public string Folder(ParseResult parsed) => parsed.GetValue(Out) is { Length: > 0 } folder
        ? Path.GetFullPath(folder)
        : throw new UsageException("--out is missing: name a folder for the result");

    /// <summary>Refuses other options beside --resume: a run goes on with the settings it began with.</summary>
    public void CheckResume(ParseResult parsed)
    {
        foreach (Option option in parsed.CommandResult.Command.Options)
        {
            if (option != Out && option != Resume && parsed.GetResult(option) is { Implicit: false })
            {
                throw new UsageException($"--resume takes every setting from run.json: leave {option.Name} out");
            }
        }
    }

    /// <summary>Parses KEY=VALUE; a value that is JSON is taken as JSON, else as a string.</summary>
    public static JsonObject Assignments(IEnumerable<string> assignments)
    {
        JsonObject options = [];
        foreach (string assignment in assignments)
        {
            int at = assignment.IndexOf('=', StringComparison.Ordinal);
            if (at <= 0)
            {
                throw new UsageException($"--set {assignment}: expected KEY=VALUE, for example use_rslora=true");
            }
            options[assignment[..at]] = Value(assignment[(at + 1)..]);
        }
        return options;
    }

    private static JsonNode? Value(string text)
    {
        try
        {
            return JsonNode.Parse(text);
        }
        catch (JsonException)
        {
            return JsonValue.Create(text);
        }
    }

    /// <summary>A count with a unit: 1.2 M.</summary>
    public static string Count(long count) => count switch
    {
        >= 1_000_000_000 => (count / 1e9).ToString("F2", CultureInfo.InvariantCulture) + " G",
        >= 1_000_000 => (count / 1e6).ToString("F2", CultureInfo.InvariantCulture) + " M",
        >= 10_000 => (count / 1e3).ToString("F1", CultureInfo.InvariantCulture) + " k",
        _ => count.ToString(CultureInfo.InvariantCulture),
    };
}
