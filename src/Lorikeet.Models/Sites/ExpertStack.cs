namespace Lorikeet.Models;

/// <summary>The layers of a block's experts, which Transformers holds as two stacked parameters of one module.</summary>
/// <remarks><c>gate_up_proj</c> [experts, 2 width, hidden] is each expert's gate above its up, <c>down_proj</c> [experts, hidden, width] its down.</remarks>
/// <param name="Path">The module's path, for example <c>model.layers.0.mlp.experts</c>.</param>
/// <param name="Router">The layer that chooses among them.</param>
/// <param name="Gate">The layers that the activation works on, one an expert.</param>
/// <param name="Up">The layers beside them.</param>
/// <param name="Down">The layers back to the hidden size.</param>
public sealed record ExpertStack(
    string Path, LinearSite Router, IReadOnlyList<LinearSite> Gate, IReadOnlyList<LinearSite> Up, IReadOnlyList<LinearSite> Down)
{
    /// <summary>The layers of one of the stacked parameters, as they lie in it: expert after expert, in each the upper first.</summary>
    /// <param name="parameter"><c>gate_up_proj</c> or <c>down_proj</c>.</param>
    public IReadOnlyList<IReadOnlyList<LinearSite>> Layers(string parameter) =>
        parameter == "down_proj" ? [.. Down.Select(site => (LinearSite[])[site])] : [.. Gate.Zip(Up).Select(pair => (LinearSite[])[pair.First, pair.Second])];
}
