using System.Text.Json.Nodes;
using System.Text.RegularExpressions;

namespace Lorikeet.Adapters;

/// <summary>Keeps rank_pattern and alpha_pattern meaning the same after their keys are sorted, as saving sorts them while the first match wins.</summary>
internal static class PatternOrder
{
    /// <summary>Rewrites the patterns as whole paths where their order matters.</summary>
    /// <param name="config">The configuration to be saved.</param>
    /// <param name="settings">The same, read.</param>
    /// <param name="modules">The model's modules.</param>
    /// <param name="match">What it chose.</param>
    /// <param name="modelType">The architecture.</param>
    public static void Settle(JsonObject config, LoraSettings settings, IReadOnlyList<ModulePath> modules, ModuleMatch match, string modelType)
    {
        JsonObject sorted = (JsonObject)config.DeepClone();
        foreach (string key in (string[])["rank_pattern", "alpha_pattern"])
        {
            if (sorted[key] is JsonObject { Count: > 1 } pattern)
            {
                sorted[key] = new JsonObject(pattern.OrderBy(e => e.Key, StringComparer.Ordinal).Select(e => KeyValuePair.Create(e.Key, e.Value?.DeepClone())));
            }
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
