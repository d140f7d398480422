using System.Diagnostics;
using System.Text.Json;
using System.Text.Json.Nodes;
using Lorikeet.Adapters;
using Lorikeet.Models;
using Lorikeet.Models.Files;

namespace Lorikeet.Cli.Verify;

/// <summary>A folder that must be refused, accepted with or without a warning, or at least not hang.</summary>
internal static class BadFolderCase
{
    /// <summary>The folder's row in the index.json above it, or null.</summary>
    public static JsonObject? RowOf(string folder)
    {
        string index = Path.Combine(Path.GetDirectoryName(folder) ?? folder, "index.json");
        if (!File.Exists(index))
        {
            return null;
        }
        using JsonDocument json = SafeJson.Read(index);
        JsonElement root = json.RootElement;
        IEnumerable<JsonElement> lists = root.ValueKind == JsonValueKind.Object ? root.EnumerateObject().Select(p => p.Value) : [root];
        foreach (JsonElement row in lists.Where(l => l.ValueKind == JsonValueKind.Array).SelectMany(l => l.EnumerateArray()))
        {
            if (row.ValueKind == JsonValueKind.Object && row.TryGetProperty("folder", out JsonElement name) && row.TryGetProperty("kind", out _)
                && Path.GetFileName(name.GetString()) == Path.GetFileName(folder))
            {
                return JsonObject.Create(row.Clone());
            }
        }
        return null;
    }

    public static void Verify(string folder, JsonObject row, CaseReport report)
    {
        string kind = row["kind"]!.GetValue<string>();
        string baseName = row["base"]!.GetValue<string>();
        using LanguageModel model = ModelLoader.Load(AdapterGolden.BaseFolder(folder, baseName));
        Stopwatch watch = Stopwatch.StartNew();
        string? refusal = null;
        IReadOnlyList<string> warnings = [];
        try
        {
            using TrainedAdapter adapter = AdapterFolder.Load(folder, model, baseName: baseName);
            warnings = adapter.Warnings;
        }
        catch (BadFileException e)
        {
            refusal = e.Message;
        }
        catch (NotSupportedException e)
        {
            // Refusing an option by name is right; a whole method that is not built says nothing about the folder.
            AdapterMethods.Of(AdapterFolder.ReadConfig(folder), folder);
            refusal = e.Message;
        }
        switch (kind)
        {
            case "refuse":
                report.Equal("refused in one line", refusal is not null && !refusal.Contains('\n', StringComparison.Ordinal), refusal ?? "it was loaded");
                break;
            case "warn":
                report.Equal("loaded with a warning", refusal is null && warnings.Count > 0, refusal ?? "there was no warning");
                break;
            case "accept":
                report.Equal("loaded", refusal is null, refusal ?? "");
                break;
            case "limit":
                report.Equal("in bounded time", watch.Elapsed < TimeSpan.FromSeconds(10), $"it took {watch.Elapsed.TotalSeconds:0.0} s");
                break;
            default:
                throw new NotSupportedException($"a bad folder of kind {kind} is not known");
        }
    }
}
