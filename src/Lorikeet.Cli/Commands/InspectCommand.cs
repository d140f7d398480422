using System.CommandLine;
using Lorikeet.Adapters;
using Lorikeet.Cli.Inspect;
using Lorikeet.Models.Files;

namespace Lorikeet.Cli.Commands;

/// <summary><c>lorikeet inspect FOLDER</c>: what a model or an adapter is, without loading weights.</summary>
internal static class InspectCommand
{
    /// <summary>The command.</summary>
    public static Command Create()
    {
        Argument<string> folder = new("FOLDER") { Description = "A model folder, org/name in the Hugging Face cache, an adapter folder, or a GGUF file" };
        Option<string> model = new("--model") { Description = "The model that an adapter is for: also tells how the adapter fits it", HelpName = "FOLDER" };
        Option<bool> sites = new("--sites") { Description = "List every site of a model instead of one line a kind" };
        Option<bool> json = new("--json") { Description = "One JSON object instead of text" };
        Command command = new(
            "inspect",
            "Tells what a model or an adapter is: architecture or method, shapes, parameters, bytes. Reads headers only, no weights.\n\n" +
            "Examples:\n" +
            "  lorikeet inspect models/smollm2\n" +
            "  lorikeet inspect HuggingFaceTB/SmolLM2-135M --sites\n" +
            "  lorikeet inspect adapters/support --model models/smollm2 --json")
        {
            folder, model, sites, json,
        };
        command.SetAction(parsed => Run(parsed.GetValue(folder)!, parsed.GetValue(model), parsed.GetValue(sites), parsed.GetValue(json)));
        return command;
    }

    private static int Run(string folder, string? model, bool sites, bool json)
    {
        Sheet sheet = Make(folder, model, sites);
        Console.Out.Write(json ? sheet.ToJson() : sheet.ToText());
        return 0;
    }

    private static Sheet Make(string folder, string? model, bool sites)
    {
        folder = BundledFolder.Resolve(folder);
        if (File.Exists(Path.Combine(folder, AdapterFolder.ConfigName)) || GgufLora.Is(folder))
        {
            return sites
                ? throw new UsageException($"--sites lists a model's sites; {folder} is an adapter (give the model's folder)")
                : AdapterSheet.Make(folder, model);
        }
        string resolved = ModelLocation.Resolve(folder);
        if (!File.Exists(resolved) && !File.Exists(Path.Combine(resolved, "config.json")))
        {
            throw new BadFileException($"{folder} has neither config.json (a model) nor {AdapterFolder.ConfigName} (an adapter); {Holds(resolved)}");
        }
        return model is null
            ? ModelSheet.Make(resolved, sites)
            : throw new UsageException($"--model names the model of an adapter; {folder} is a model itself");
    }

    private static string Holds(string folder)
    {
        string[] names = [.. Directory.EnumerateFileSystemEntries(folder).Select(e => Path.GetFileName(e)).Order(StringComparer.Ordinal)];
        return names.Length == 0 ? "it is empty" : $"it holds {string.Join(", ", names.Take(5))}{(names.Length > 5 ? $" and {names.Length - 5} more" : "")}";
    }
}
