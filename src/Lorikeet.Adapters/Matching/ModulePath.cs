using Lorikeet.Models;

namespace Lorikeet.Adapters;

/// <summary>What a module is, as far as choosing modules goes.</summary>
public enum ModuleKind
{
    /// <summary>A linear layer (GPT-2's Conv1D too).</summary>
    Linear,

    /// <summary>The output head, which "all-linear" leaves out.</summary>
    Head,

    /// <summary>A token table.</summary>
    Embedding,

    /// <summary>A convolution.</summary>
    Convolution,

    /// <summary>The matrix that routes to experts: a parameter, not a layer.</summary>
    Router,

    /// <summary>The experts' two stacked matrices: parameters, not layers.</summary>
    Experts,

    /// <summary>A layer of one expert, which "all-linear" leaves to the stacked matrices.</summary>
    Expert,

    /// <summary>Anything else: norms, blocks, activations.</summary>
    Other,
}

/// <summary>A module of a model.</summary>
/// <param name="Path">Its path, for example <c>model.layers.0.mlp.up_proj</c>.</param>
/// <param name="Kind">What it is.</param>
public sealed record ModulePath(string Path, ModuleKind Kind)
{
    /// <summary>The modules of a model in its order: its sites, and the containers in whose paths they lie.</summary>
    /// <param name="model">The model.</param>
    public static IReadOnlyList<ModulePath> Of(LanguageModel model)
    {
        ArgumentNullException.ThrowIfNull(model);
        HashSet<string> sites = [.. model.Sites.Select(s => s.Name)];
        Dictionary<Site, string> experts = [];
        HashSet<Site> routers = [];
        foreach (ExpertStack stack in model.ExpertStacks)
        {
            routers.Add(stack.Router);
            foreach (LinearSite site in stack.Gate.Concat(stack.Up).Concat(stack.Down))
            {
                experts[site] = stack.Path;
            }
        }
        HashSet<string> seen = [];
        List<ModulePath> modules = [];
        foreach (Site site in model.Sites)
        {
            if (experts.TryGetValue(site, out string? stack) && seen.Add(stack))
            {
                modules.Add(new ModulePath(stack, ModuleKind.Experts));
            }
            for (int dot = site.Name.IndexOf('.', StringComparison.Ordinal); dot >= 0; dot = site.Name.IndexOf('.', dot + 1))
            {
                string parent = site.Name[..dot];
                if (!sites.Contains(parent) && seen.Add(parent))
                {
                    modules.Add(new ModulePath(parent, ModuleKind.Other));
                }
            }
            ModuleKind kind = site switch
            {
                LinearSite when stack is not null => ModuleKind.Expert,
                LinearSite when routers.Contains(site) => ModuleKind.Router,
                LinearSite linear => linear.IsHead ? ModuleKind.Head : ModuleKind.Linear,
                EmbeddingSite => ModuleKind.Embedding,
                _ => ModuleKind.Other,
            };
            modules.Add(new ModulePath(site.Name, kind));
        }
        return modules;
    }
}
