using Lorikeet.Tensors;

namespace Lorikeet.Models;

/// <summary>The token table: y[i] = W[ids[i]].</summary>
/// <param name="name">The module's path.</param>
/// <param name="weight">[vocabulary, hidden].</param>
public sealed class EmbeddingSite(string name, Weight weight) : Site(name, -1)
{
    /// <summary>The table.</summary>
    public Weight Weight { get; set; } = weight;

    /// <inheritdoc/>
    public override int Inputs => 0;

    /// <inheritdoc/>
    public override int Outputs => Weight.Inputs;

    /// <inheritdoc/>
    public override Tensor Base(ModelRun run, in Tensor x, ReadOnlySpan<int> ids) => Embedding.Forward(run, Weight, ids);

    /// <inheritdoc/>
    public override IEnumerable<ModelTensor> Tensors => [new ModelTensor(StoredName + ".weight", Weight, null)];
}
