using Lorikeet.Kernels;

namespace Lorikeet.Tensors;

/// <summary>The activation functions.</summary>
public enum ActivationKind
{
    /// <summary>max(x, 0).</summary>
    Relu,

    /// <summary>x / (1 + e^-x).</summary>
    Silu,

    /// <summary>x/2 (1 + erf(x / sqrt 2)).</summary>
    Gelu,

    /// <summary>x/2 (1 + tanh(sqrt(2/pi) (x + 0.044715 x^3))).</summary>
    GeluTanh,

    /// <summary>x / (1 + e^(-1.702 x)).</summary>
    QuickGelu,

    /// <summary>1 / (1 + e^-x).</summary>
    Sigmoid,

    /// <summary>The hyperbolic tangent.</summary>
    Tanh,
}

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
        switch (kind)
        {
            case ActivationKind.Relu: Elementwise.Relu(x.Span, y.Span); break;
            case ActivationKind.Silu: Elementwise.Silu(x.Span, y.Span); break;
            case ActivationKind.Gelu: Elementwise.Gelu(x.Span, y.Span); break;
            case ActivationKind.GeluTanh: Elementwise.GeluTanh(x.Span, y.Span); break;
            case ActivationKind.QuickGelu: Elementwise.QuickGelu(x.Span, y.Span); break;
            case ActivationKind.Sigmoid: Elementwise.Sigmoid(x.Span, y.Span); break;
            default: Elementwise.Tanh(x.Span, y.Span); break;
        }
        return run.Tape is not null && x.Recorded ? run.Tape.Record(run, y, new ActivationNode(x, kind), x) : y;
    }

    private sealed class ActivationNode(Tensor x, ActivationKind kind) : Node
    {
        public override void Backward(Run run, ref Backprop gradient)
        {
            Span<float> dx = gradient.GradientOf(x, out bool accumulate).Span;
            ReadOnlySpan<float> dy = gradient.Output.Span;
            switch (kind)
            {
                case ActivationKind.Relu: Elementwise.ReluBackward(x.Span, dy, dx, accumulate); break;
                case ActivationKind.Silu: Elementwise.SiluBackward(x.Span, dy, dx, accumulate); break;
                case ActivationKind.Gelu: Elementwise.GeluBackward(x.Span, dy, dx, accumulate); break;
                case ActivationKind.GeluTanh: Elementwise.GeluTanhBackward(x.Span, dy, dx, accumulate); break;
                case ActivationKind.QuickGelu: Elementwise.QuickGeluBackward(x.Span, dy, dx, accumulate); break;
                case ActivationKind.Sigmoid: Elementwise.SigmoidBackward(x.Span, dy, dx, accumulate); break;
                default: Elementwise.TanhBackward(x.Span, dy, dx, accumulate); break;
            }
        }
    }
}
