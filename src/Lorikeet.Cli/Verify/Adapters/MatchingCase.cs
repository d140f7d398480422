using System.Text.Json;
using System.Text.Json.Nodes;
using Lorikeet.Adapters;
using Lorikeet.Models.Files;

namespace Lorikeet.Cli.Verify;

/// <summary>Rows of configurations and the modules they choose, with rank, alpha and scale.</summary>
internal static class MatchingCase
{
    public static void Verify(string folder, CaseReport report)
    {
        using JsonDocument cases = SafeJson.ReadObject(Path.Combine(folder, "cases.json"));
        using JsonDocument modules = SafeJson.ReadObject(Path.Combine(folder, "modules.json"));
        int number = 0;
        foreach (JsonElement row in cases.RootElement.GetProperty("cases").EnumerateArray())
        {
            string name = row.GetProperty("base").GetString()!;
            IReadOnlyList<ModulePath> paths = Paths(modules.RootElement.GetProperty("models").GetProperty(name));
            Row($"row {number++}: {name} {row.GetProperty("config").GetRawText()}", row, paths, ModelType(folder, name), report);
        }
    }

    private static void Row(string what, JsonElement row, IReadOnlyList<ModulePath> paths, string modelType, CaseReport report)
    {
        JsonObject config = JsonObject.Create(row.GetProperty("config").Clone())!;
        config["task_type"] = row.GetProperty("task_type").GetString();
        AdapterConfig read = new(config, "config");
        bool expectsError = row.TryGetProperty("error", out JsonElement error);
        ModuleMatch match;
        try
        {
            match = new ModuleMatcher(read, modelType, read.Integer("r", 4, 1), read.Number("lora_alpha", 8)).Match(paths);
        }
        catch (BadFileException e)
        {
            report.Equal(what, expectsError, e.Message);
            return;
        }
        if (expectsError)
        {
            report.Fail(what, $"{match.Adapted.Count} modules matched; expected an error ({error.GetString()})");
            return;
        }
        bool rsLora = read.Flag("use_rslora");
        Dictionary<string, double[]> got = match.Adapted.ToDictionary(
            m => m.Path, m => (double[])[m.Rank, m.Alpha, m.Alpha / (rsLora ? Math.Sqrt(m.Rank) : m.Rank)]);
        Dictionary<string, double[]> expected = row.GetProperty("adapted").EnumerateObject()
            .ToDictionary(p => p.Name, p => p.Value.EnumerateArray().Select(v => v.GetDouble()).ToArray());
        string[] wrong =
        [
            .. got.Keys.Union(expected.Keys).Where(p => !got.TryGetValue(p, out double[]? g) || !expected.TryGetValue(p, out double[]? e)
                || !g.Zip(e).All(pair => Math.Abs(pair.First - pair.Second) <= 1e-6 * Math.Abs(pair.Second))),
        ];
        report.Equal(what, wrong.Length == 0, $"{string.Join(", ", wrong)} differ");
        string[] saved = row.TryGetProperty("saved_whole", out JsonElement whole) ? [.. whole.EnumerateArray().Select(m => m.GetString()!)] : [];
        if (saved.Length > 0 || match.SavedWhole.Count > 0)
        {
            string[] own = [.. match.SavedWhole.Select(m => m.Path)];
            report.Equal(what + " saved whole", own.ToHashSet().SetEquals(saved), $"{string.Join(", ", own)} computed, {string.Join(", ", saved)} expected");
        }
        if (row.TryGetProperty("warning", out JsonElement warnings))
        {
            // The library also warns of patterns that it made up itself; those of the configuration count.
            string[] keys = [.. read.Entries("rank_pattern").Concat(read.Entries("alpha_pattern")).Select(e => $"'{e.Key}'")];
            int count = warnings.EnumerateArray().Count(w => keys.Any(k => w.GetString()!.Contains(k, StringComparison.Ordinal)));
            report.Equal(what + " warnings", match.Warnings.Count == count, $"{match.Warnings.Count} computed, {count} expected");
        }
    }

    private static string ModelType(string folder, string name)
    {
        string config = Path.Combine(Path.GetDirectoryName(folder)!, name, "config.json");
        if (!File.Exists(config))
        {
            return name.Split('-')[0];
        }
        using JsonDocument json = SafeJson.ReadObject(config);
        return json.RootElement.GetProperty("model_type").GetString()!;
    }

    private static IReadOnlyList<ModulePath> Paths(JsonElement modules) =>
        [.. modules.EnumerateArray().Select(m => new ModulePath(m[0].GetString()!, Kind(m[0].GetString()!, m[1].GetString()!)))];

    private static ModuleKind Kind(string path, string type) => type switch
    {
        "Linear" => path == "lm_head" ? ModuleKind.Head : ModuleKind.Linear,
        "Conv1D" => ModuleKind.Linear,
        "Conv2d" => ModuleKind.Convolution,
        "Embedding" => ModuleKind.Embedding,
        _ when type.EndsWith("Router", StringComparison.Ordinal) => ModuleKind.Router,
        _ when type.EndsWith("Experts", StringComparison.Ordinal) => ModuleKind.Experts,
        _ => ModuleKind.Other,
    };
}
