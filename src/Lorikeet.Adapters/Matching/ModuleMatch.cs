namespace Lorikeet.Adapters;

/// <summary>A module that a method adapts.</summary>
/// <param name="Path">Its path.</param>
/// <param name="Kind">What it is.</param>
/// <param name="Rank">Its rank, from r or rank_pattern.</param>
/// <param name="Alpha">Its alpha, from lora_alpha or alpha_pattern.</param>
/// <param name="Stacked">The stacked parameter of experts that is changed, <c>gate_up_proj</c> or <c>down_proj</c>; null: the module's own matrix.</param>
public sealed record MatchedModule(string Path, ModuleKind Kind, int Rank, double Alpha, string? Stacked = null);

/// <summary>What a configuration chooses from a model.</summary>
/// <param name="Adapted">The modules that the method changes, in the model's order.</param>
/// <param name="SavedWhole">The modules that are trained and stored whole.</param>
/// <param name="Targets">The suffixes that were used, where targets are a list; null for a regular expression.</param>
/// <param name="Warnings">What a user should know.</param>
public sealed record ModuleMatch(
    IReadOnlyList<MatchedModule> Adapted, IReadOnlyList<ModulePath> SavedWhole, IReadOnlyList<string>? Targets, IReadOnlyList<string> Warnings);
