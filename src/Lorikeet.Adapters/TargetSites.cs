using System.Text.Json.Nodes;
using Lorikeet.Models;

namespace Lorikeet.Adapters;

/// <summary>The linear layers that a configuration targets.</summary>
internal static class TargetSites
{
    public static IReadOnlyList<LinearSite> Of(LanguageModel model, AdapterConfig config)
    {
        JsonNode? t = config.Json["target_modules"];
        IReadOnlyList<string> names = t is JsonArray ? config.Texts("target_modules")! : ["q_proj", "v_proj"];
        bool all = t is JsonValue;
        return [.. model.Sites.OfType<LinearSite>().Where(s => all ? !s.IsHead : names.Any(n => s.Name == n || s.Name.EndsWith("." + n, StringComparison.Ordinal)))];
    }
}
