using Lorikeet.Models;
using Lorikeet.Models.Files;

namespace Lorikeet.Adapters;

/// <summary>The layers that a configuration targets, for methods that have one kind of change and no modules saved whole.</summary>
public static class TargetSites
{
    /// <summary>Chooses by the keys that all of PEFT's configurations share.</summary>
    /// <param name="model">The model.</param>
    /// <param name="config">The configuration.</param>
    /// <param name="method">The method's name in messages.</param>
    /// <param name="warnings">Takes what a user should know.</param>
    /// <returns>Linear layers and embeddings, in the model's order.</returns>
    /// <exception cref="BadFileException">No module is targeted, or an option has a value it cannot have.</exception>
    /// <exception cref="NotSupportedException">A module is to be saved whole.</exception>
    public static IReadOnlyList<Site> Of(LanguageModel model, AdapterConfig config, string method, IList<string> warnings)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(config);
        ArgumentNullException.ThrowIfNull(warnings);
        ModuleMatch match = new ModuleMatcher(config, model.Config.ModelType, 1, 1).Match(ModulePath.Of(model));
        if (match.SavedWhole.Count > 0)
        {
            throw config.Unsupported($"modules_to_save ({match.SavedWhole[0].Path}) is not built for {method}: train whole modules with a LoRA adapter");
        }
        foreach (string warning in match.Warnings)
        {
            if (!warning.StartsWith("rank_pattern", StringComparison.Ordinal))
            {
                warnings.Add($"{config.Source}: {warning}");
            }
        }
        return [.. match.Adapted.Select(m => model.Find(m.Path) ?? throw config.Bad($"{m.Path} is not in the base."))];
    }

    /// <summary>The same where only linear layers can be changed.</summary>
    /// <param name="model">The model.</param>
    /// <param name="config">The configuration.</param>
    /// <param name="method">The method's name in messages.</param>
    /// <param name="warnings">Takes what a user should know.</param>
    /// <returns>Linear layers, in the model's order.</returns>
    /// <exception cref="NotSupportedException">An embedding is targeted, or a module is to be saved whole.</exception>
    public static IReadOnlyList<LinearSite> Linear(LanguageModel model, AdapterConfig config, string method, IList<string> warnings)
    {
        ArgumentNullException.ThrowIfNull(config);
        IReadOnlyList<Site> sites = Of(model, config, method, warnings);
        foreach (Site site in sites)
        {
            if (site is not LinearSite)
            {
                throw config.Unsupported($"target_modules names {site.Name}, an embedding: {method} changes linear layers");
            }
        }
        return [.. sites.Cast<LinearSite>()];
    }
}
