using Lorikeet.Kernels;

namespace Lorikeet.Tensors;

/// <summary>Root mean square normalisation: y = x / sqrt(mean(x^2) + eps) o weight.</summary>
/// <remarks>Saves x and 1/rms [rows]. Source: Zhang and Sennrich, arXiv 1910.07467.</remarks>
public static class RmsNorm
{
    /// <summary>Normalises each row.</summary>
    /// <param name="run">The run.</param>
    /// <param name="x">[rows, width].</param>
    /// <param name="weight">[width].</param>
    /// <param name="eps">Added to the mean square.</param>
    public static Tensor Forward(Run run, in Tensor x, in Tensor weight, float eps)
    {
        Tensor y = run.Arena.Allocate(x.Shape);
        if (run.Tape is null || !(x.Recorded || weight.Recorded))
        {
            Norms.RmsNorm(x.Span, weight.Span, eps, x.Width, y.Span, []);
            return y;
        }
        Tensor inverse = run.Arena.Allocate(new Shape(x.Rows));
        Norms.RmsNorm(x.Span, weight.Span, eps, x.Width, y.Span, inverse.Span);
        return run.Tape.Record(run, y, new RmsNormNode(x, weight, inverse), x, weight, inverse);
    }

    private sealed class RmsNormNode(Tensor x, Tensor weight, Tensor inverse) : Node
    {
        public override void Backward(Run run, ref Backprop gradient)
        {
            Tensor dy = gradient.Output;
            Span<float> dWeight = gradient.Wants(weight) ? gradient.GradientToAddTo(weight).Span : [];
            bool accumulate = false;
            Span<float> dx = gradient.Wants(x) ? gradient.GradientOf(x, out accumulate).Span : [];
            Norms.RmsNormBackward(x.Span, weight.Span, inverse.Span, dy.Span, x.Width, dx, dWeight, accumulate);
        }
    }
}
