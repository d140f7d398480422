using Lorikeet.Tensors;

namespace Lorikeet.Models;

/// <summary>The output of a block's mixer or feed-forward, before it is added to the residual stream: y = x without an adapter.</summary>
/// <param name="name">The module's path, for example <c>model.layers.3.mlp</c>.</param>
/// <param name="layer">Its block.</param>
/// <param name="width">The hidden size.</param>
public sealed class OutputSite(string name, int layer, int width) : Site(name, layer)
{
    /// <inheritdoc/>
    public override int Inputs => width;

    /// <inheritdoc/>
    public override int Outputs => width;

    /// <inheritdoc/>
    public override Tensor Base(ModelRun run, in Tensor x, ReadOnlySpan<int> ids) => x;

    /// <inheritdoc/>
    public override IEnumerable<ModelTensor> Tensors => [];
}
