using Lorikeet.Models;

namespace Lorikeet.Adapters;

/// <summary>The linear layers that a configuration targets, for methods that act at nothing else.</summary>
internal static class TargetSites
{
    /// <summary>The layers in the model's order, chosen as PEFT chooses them (see <see cref="ModuleMatcher"/>).</summary>
    /// <param name="model">The model.</param>
    /// <param name="config">The configuration.</param>
    /// <exception cref="NotSupportedException">The configuration names an embedding, or modules to be saved whole.</exception>
    public static IReadOnlyList<LinearSite> Of(LanguageModel model, AdapterConfig config)
    {
        ModuleMatch match = new ModuleMatcher(config, model.Config.ModelType, 1, 1).Match(ModulePath.Of(model));
        if (match.SavedWhole.Count > 0)
        {
            throw config.Unsupported($"modules_to_save ({match.SavedWhole[0].Path}) is not built yet for {config.Text("peft_type")}");
        }
        List<LinearSite> sites = [];
        foreach (MatchedModule module in match.Adapted)
        {
            sites.Add(model.Find(module.Path) as LinearSite
                ?? throw config.Unsupported($"{module.Path} is no linear layer: {config.Text("peft_type")} is not built yet for it"));
        }
        return sites;
    }
}
