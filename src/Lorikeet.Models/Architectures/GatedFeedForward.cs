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
    public Tensor Forward(ModelRun run, in Tensor x)
    {
        TwoTensors two = default;
        Span<Tensor> parts = two;
        if (gateUp.Sites.Count == 1)
        {
            Tensor fused = gateUp.Forward(run, x);
            int width = fused.Width / 2;
            (parts[0], parts[1]) = (ColumnSlice.Forward(run, fused, 0, width), ColumnSlice.Forward(run, fused, width, width));
        }
        else
        {
            gateUp.Forward(run, x, parts);
        }
        return down.Forward(run, activation == ActivationKind.Silu
            ? SwiGlu.Forward(run, parts[0], parts[1])
            : Multiply.Forward(run, Activation.Forward(run, parts[0], activation), parts[1]));
    }

    [System.Runtime.CompilerServices.InlineArray(2)]
    private struct TwoTensors
    {
        private Tensor first;
    }
}
