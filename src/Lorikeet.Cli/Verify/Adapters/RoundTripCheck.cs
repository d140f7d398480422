using System.Text.Json.Nodes;
using Lorikeet.Adapters;
using Lorikeet.Models.Files;

namespace Lorikeet.Cli.Verify;

/// <summary>Saves an adapter and compares the folder with the one it was read from.</summary>
internal static class RoundTripCheck
{
    /// <summary>Equal keys, types, shapes and bytes, and an equal configuration.</summary>
    public static void Files(TrainedAdapter adapter, string folder, CaseReport report)
    {
        string saved = Directory.CreateTempSubdirectory("lorikeet-verify-").FullName;
        try
        {
            AdapterFolder.Save(adapter, saved);
            Configs(saved, folder, report);
            using SafetensorsFile own = SafetensorsFile.Open(Path.Combine(saved, AdapterFolder.WeightsName));
            using SafetensorsFile given = SafetensorsFile.Open(Path.Combine(folder, AdapterFolder.WeightsName));
            string? wrong = Difference(own, given);
            report.Equal("saved tensors", wrong is null, wrong ?? "");
            report.Equal("saved metadata", own.Metadata.OrderBy(m => m.Key).SequenceEqual(given.Metadata.OrderBy(m => m.Key)), "the headers' metadata differ");
        }
        finally
        {
            Directory.Delete(saved, recursive: true);
        }
    }

    /// <summary>An equal configuration, lists of names compared as sets.</summary>
    public static void Configs(string saved, string folder, CaseReport report)
    {
        JsonObject own = AdapterFolder.ReadConfig(saved), given = AdapterFolder.ReadConfig(folder);
        string[] differ = [.. own.Select(e => e.Key).Union(given.Select(e => e.Key)).Where(key => !Same(own, given, key))];
        report.Equal("saved config", differ.Length == 0, $"{string.Join(", ", differ)} differ");
    }

    private static bool Same(JsonObject own, JsonObject given, string key) =>
        own.ContainsKey(key) && given.ContainsKey(key) && Same(own[key], given[key]);

    private static bool Same(JsonNode? own, JsonNode? given) => own is JsonArray a && given is JsonArray b && a.All(IsText) && b.All(IsText)
        ? a.Select(i => i!.GetValue<string>()).ToHashSet().SetEquals(b.Select(i => i!.GetValue<string>()))
        : JsonNode.DeepEquals(own, given);

    private static bool IsText(JsonNode? node) => node?.GetValueKind() == System.Text.Json.JsonValueKind.String;

    private static string? Difference(SafetensorsFile own, SafetensorsFile given)
    {
        string[] missing = [.. given.Tensors.Select(t => t.Name).Except(own.Tensors.Select(t => t.Name))];
        string[] extra = [.. own.Tensors.Select(t => t.Name).Except(given.Tensors.Select(t => t.Name))];
        if (missing.Length + extra.Length > 0)
        {
            return $"missing: {string.Join(", ", missing)}; too many: {string.Join(", ", extra)}";
        }
        foreach (StoredTensor tensor in given.Tensors)
        {
            own.TryGet(tensor.Name, out StoredTensor? mine);
            if (mine!.Type != tensor.Type || !mine.Shape.SequenceEqual(tensor.Shape) || !own.Bytes(mine).SequenceEqual(given.Bytes(tensor)))
            {
                return $"{tensor.Name} differs in type, shape or bytes";
            }
        }
        return null;
    }
}
