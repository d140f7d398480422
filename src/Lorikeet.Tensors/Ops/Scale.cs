using Lorikeet.Kernels;

namespace Lorikeet.Tensors;

/// <summary>Multiplies by a constant.</summary>
/// <remarks>Backward: dx = a dy.</remarks>
public static class Scale
{
    /// <summary>y = a x.</summary>
    /// <param name="run">The run.</param>
    /// <param name="x">Any shape.</param>
    /// <param name="a">The constant.</param>
    public static Tensor Forward(Run run, in Tensor x, float a)
    {
        Tensor y = run.Arena.Allocate(x.Shape);
        Elementwise.Scale(x.Span, a, y.Span);
        return run.Tape is not null && x.Recorded ? run.Tape.Record(run, y, new ScaleNode(x, a)) : y;
    }

    private sealed class ScaleNode(Tensor x, float a) : Node
    {
        public override void Backward(Run run, ref Backprop gradient) =>
            Elementwise.AddScaled(a, gradient.Output.Span, gradient.GradientToAddTo(x).Span);
    }
}
