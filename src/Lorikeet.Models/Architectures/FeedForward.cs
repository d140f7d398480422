using Lorikeet.Kernels;
using Lorikeet.Tensors;

namespace Lorikeet.Models;

/// <summary>The feed-forward of the first transformers: down( f(up x) ).</summary>
/// <param name="up">The projection to the inner width.</param>
/// <param name="down">The projection back to the hidden size.</param>
/// <param name="activation">f.</param>
public sealed class FeedForward(Projection up, Projection down, ActivationKind activation) : IFeedForward
{
    /// <inheritdoc/>
    public Projection? Entry => up;

    /// <inheritdoc/>
    public Tensor Forward(ModelRun run, in Tensor x, in Tensor residual) =>
        down.Forward(run, up.Forward(run, x, new Following(activation, Next: down)), new Following(Residual: residual));
}
