using System.Text;
using System.Text.Json;
using Lorikeet.Models.Files;

namespace Lorikeet.Cli.Generate;

/// <summary>One prompt with one adapter.</summary>
/// <param name="Prompt">The prompt.</param>
/// <param name="Adapter">The adapter's folder; null: the bare model.</param>
internal sealed record Job(string Prompt, string? Adapter)
{
    private const string Bare = "none";

    /// <summary>The messages of a conversation instead of a prompt; null: there are none.</summary>
    public JsonElement? Messages { get; init; }

    /// <summary>What is shown before the answer.</summary>
    public string Lead { get; init; } = Prompt;

    /// <summary>The adapter in a word or two.</summary>
    public string Label => Adapter is null ? "base" : Path.GetFileName(Path.TrimEndingDirectorySeparator(Adapter));

    /// <summary>Pairs the prompts with the adapters of a command line.</summary>
    /// <param name="prompts">Prompts.</param>
    /// <param name="adapters">Adapter folders.</param>
    /// <param name="file">A file of JSON lines, or null.</param>
    /// <exception cref="UsageException">Their numbers do not fit, or there is no prompt.</exception>
    public static IReadOnlyList<Job> List(string[] prompts, string[] adapters, string? file)
    {
        List<Job> jobs = file is null ? [] : [.. Read(file)];
        if (prompts.Length == 0)
        {
            return jobs.Count == 0 ? throw new UsageException("there is no prompt; give --prompt TEXT or --prompts FILE")
                : adapters.Length > 0 ? throw new UsageException("--adapter goes with --prompt; the lines of --prompts name their own adapters")
                : jobs;
        }
        int count = Math.Max(prompts.Length, adapters.Length);
        if ((prompts.Length != 1 && prompts.Length != count) || (adapters.Length > 1 && adapters.Length != count))
        {
            throw new UsageException($"{prompts.Length} prompts and {adapters.Length} adapters; expected one of either, or as many of both");
        }
        for (int i = 0; i < count; i++)
        {
            string adapter = adapters.Length == 0 ? Bare : adapters[adapters.Length == 1 ? 0 : i];
            jobs.Add(new Job(prompts[prompts.Length == 1 ? 0 : i], adapter == Bare ? null : adapter));
        }
        return jobs;
    }

    private static IEnumerable<Job> Read(string file)
    {
        int number = 0;
        foreach (string line in File.ReadLines(file))
        {
            number++;
            if (string.IsNullOrWhiteSpace(line))
            {
                continue;
            }
            string place = $"{file}, line {number}";
            using JsonDocument json = SafeJson.Parse(Encoding.UTF8.GetBytes(line), place);
            if (json.RootElement.ValueKind != JsonValueKind.Object)
            {
                throw new BadFileException($"{place}: expected an object {{\"prompt\": text}}.");
            }
            string? adapter = Text(json.RootElement, "adapter", place);
            bool talk = json.RootElement.TryGetProperty("messages", out JsonElement messages) && messages.ValueKind == JsonValueKind.Array;
            string? prompt = Text(json.RootElement, "prompt", place);
            yield return new Job(
                prompt ?? (talk ? "" : throw new BadFileException($"{place} has no prompt; expected {{\"prompt\": text}}, or {{\"messages\": [...]}} with --chat.")),
                adapter == Bare ? null : adapter)
            {
                Messages = talk && prompt is null ? messages.Clone() : null,
            };
        }
    }

    private static string? Text(JsonElement line, string key, string place) =>
        !line.TryGetProperty(key, out JsonElement value) || value.ValueKind == JsonValueKind.Null ? null
        : value.ValueKind == JsonValueKind.String ? value.GetString()
        : throw new BadFileException($"{place}: {key} is {value.ValueKind}; expected a string.");
}
