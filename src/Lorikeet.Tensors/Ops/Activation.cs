using Lorikeet.Kernels;

namespace Lorikeet.Tensors;

/// <summary>An activation function, element by element.</summary>
/// <remarks>Saves x.</remarks>
public static class Activation
{
    /// <summary>y = f(x).</summary>
    /// <param name="run">The run.</param>
    /// <param name="x">Any shape.</param>
    /// <param name="kind">f.</param>
    public static Tensor Forward(Run run, in Tensor x, ActivationKind kind)
    {
        Tensor y = run.Arena.Allocate(x.Shape);
        Elementwise.Activate(kind, x.Span, y.Span);
        return run.Tape is not null && x.Recorded ? run.Tape.Record(run, y, new ActivationNode(x, kind), x) : y;
    }

    private sealed class ActivationNode(Tensor x, ActivationKind kind) : Node
    {
        public override void Backward(Run run, ref Backprop gradient)
        {
            Span<float> dx = gradient.GradientOf(x, out bool accumulate).Span;
            Elementwise.ActivateBackward(kind, x.Span, gradient.Output.Span, dx, accumulate);
        }
    }
}
