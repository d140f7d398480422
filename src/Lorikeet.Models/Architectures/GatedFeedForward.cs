using Lorikeet.Kernels;
using Lorikeet.Tensors;

namespace Lorikeet.Models;

/// <summary>The gated feed-forward of the Llama family: down( f(gate x) o up x ).</summary>
/// <param name="gateUp">The projection of gate and up: two layers, or one with the outputs of both.</param>
/// <param name="down">The projection back to the hidden size.</param>
/// <param name="activation">f.</param>
public sealed class GatedFeedForward(Projection gateUp, Projection down, ActivationKind activation = ActivationKind.Silu) : IFeedForward
{
    /// <summary>Its layers.</summary>
    internal IEnumerable<LinearSite> Sites => [.. gateUp.Sites, .. down.Sites];

    /// <inheritdoc/>
    public Projection? Entry => gateUp;

    /// <inheritdoc/>
    public Tensor Forward(ModelRun run, in Tensor x, in Tensor residual)
    {
        TwoTensors two = default;
        Span<Tensor> parts = two;
        Following gated = new(activation, Gated: true, Next: down);
        Tensor y;
        if (gateUp.Sites.Count == 1)
        {
            Tensor fused = gateUp.Forward(run, x);
            int width = fused.Width / 2;
            (parts[0], parts[1]) = (ColumnSlice.Forward(run, fused, 0, width), ColumnSlice.Forward(run, fused, width, width));
            y = gated.Finish(run, parts);
        }
        else
        {
            y = gateUp.Forward(run, x, parts, gated);
        }
        return down.Forward(run, y, new Following(Residual: residual));
    }

    [System.Runtime.CompilerServices.InlineArray(2)]
    private struct TwoTensors
    {
        private Tensor first;
    }
}
