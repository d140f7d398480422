using System.Text.Json.Nodes;
using System.Text.RegularExpressions;

namespace Lorikeet.Adapters;

/// <summary>Keeps rank_pattern and alpha_pattern meaning the same after their keys are sorted, as saving sorts them while the first match wins.</summary>
internal static class PatternOrder
{
    private static readonly string[] Patterns = ["rank_pattern", "alpha_pattern"];

    /// <summary>Rewrites the patterns as whole paths where their order matters.</summary>
    /// <param name="config">The configuration to be saved.</param>
    /// <param name="settings">The same, read.</param>
    /// <param name="modules">The model's modules.</param>
    /// <param name="match">What it chose.</param>
    /// <param name="modelType">The architecture.</param>
    public static void Settle(JsonObject config, LoraSettings settings, IReadOnlyList<ModulePath> modules, ModuleMatch match, string modelType)
    {
        string[] ordered = [.. Patterns.Where(key => config[key] is JsonObject { Count: > 1 })];
        if (ordered.Length == 0)
        {
            return;
        }
        JsonObject sorted = (JsonObject)config.DeepClone();
        foreach (string key in ordered)
        {
            sorted[key] = new JsonObject(((JsonObject)sorted[key]!).OrderBy(e => e.Key, StringComparer.Ordinal).Select(e => KeyValuePair.Create(e.Key, e.Value?.DeepClone())));
        }
        ModuleMatcher again = new(new AdapterConfig(sorted, settings.Config.Source), modelType, settings.Rank, settings.Alpha);
        if (again.Match(modules).Adapted.SequenceEqual(match.Adapted))
        {
            return;
        }
        JsonObject ranks = [], alphas = [];
        foreach (MatchedModule module in match.Adapted)
        {
            string key = "^" + Regex.Escape(module.Path);
            if (module.Rank != settings.Rank)
            {
                ranks[key] = module.Rank;
            }
            if (module.Alpha != settings.Alpha)
            {
                alphas[key] = module.Alpha;
            }
        }
        config["rank_pattern"] = ranks;
        config["alpha_pattern"] = alphas;
    }
}
