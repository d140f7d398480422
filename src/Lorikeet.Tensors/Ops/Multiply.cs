using Lorikeet.Kernels;

namespace Lorikeet.Tensors;

/// <summary>Element by element product of two tensors of one shape.</summary>
/// <remarks>Backward: dx = dy o z, dz = dy o x. Saves each where the other wants a gradient.</remarks>
public static class Multiply
{
    /// <summary>y = x o z.</summary>
    /// <param name="run">The run.</param>
    /// <param name="x">Any shape.</param>
    /// <param name="z">The same shape.</param>
    public static Tensor Forward(Run run, in Tensor x, in Tensor z)
    {
        if (x.Shape.Length != z.Shape.Length)
        {
            throw new ArgumentException($"multiply: {x.Shape} and {z.Shape}");
        }
        Tensor y = run.Arena.Allocate(x.Shape);
        Elementwise.Multiply(x.Span, z.Span, y.Span);
        return run.Tape is not null && (x.Recorded || z.Recorded)
            ? run.Tape.Record(run, y, new MultiplyNode(x, z), z.Recorded ? x : default, x.Recorded ? z : default)
            : y;
    }

    private sealed class MultiplyNode(Tensor x, Tensor z) : Node
    {
        public override void Backward(Run run, ref Backprop gradient)
        {
            ReadOnlySpan<float> dy = gradient.Output.Span;
            if (gradient.Wants(x))
            {
                Elementwise.MultiplyAdd(dy, z.Span, gradient.GradientToAddTo(x).Span);
            }
            if (gradient.Wants(z))
            {
                Elementwise.MultiplyAdd(dy, x.Span, gradient.GradientToAddTo(z).Span);
            }
        }
    }
}
