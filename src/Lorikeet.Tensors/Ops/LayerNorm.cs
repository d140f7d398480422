using Lorikeet.Kernels;

namespace Lorikeet.Tensors;

/// <summary>Layer normalisation: y = (x - mean) / sqrt(variance + eps) o weight + bias, with the biased variance.</summary>
/// <remarks>Saves x, mean [rows] and 1/deviation [rows]. Source: Ba et al., arXiv 1607.06450.</remarks>
public static class LayerNorm
{
    /// <summary>Normalises each row.</summary>
    /// <param name="run">The run.</param>
    /// <param name="x">[rows, width].</param>
    /// <param name="weight">[width].</param>
    /// <param name="bias">[width], or default for none.</param>
    /// <param name="eps">Added to the variance.</param>
    public static Tensor Forward(Run run, in Tensor x, in Tensor weight, in Tensor bias, float eps)
    {
        Tensor y = run.Arena.Allocate(x.Shape);
        Tensor mean = run.Arena.Allocate(new Shape(x.Rows));
        Tensor inverse = run.Arena.Allocate(new Shape(x.Rows));
        Norms.LayerNorm(x.Span, weight.Span, bias.Exists ? bias.Span : [], eps, x.Width, y.Span, mean.Span, inverse.Span);
        return run.Tape is not null && (x.Recorded || weight.Recorded || bias.Recorded)
            ? run.Tape.Record(run, y, new LayerNormNode(x, weight, bias, mean, inverse), x, weight, mean, inverse)
            : y;
    }

    private sealed class LayerNormNode(Tensor x, Tensor weight, Tensor bias, Tensor mean, Tensor inverse) : Node
    {
        public override void Backward(Run run, ref Backprop gradient)
        {
            Tensor dy = gradient.Output;
            Span<float> dWeight = gradient.Wants(weight) ? gradient.GradientToAddTo(weight).Span : [];
            Span<float> dBias = gradient.Wants(bias) ? gradient.GradientToAddTo(bias).Span : [];
            bool accumulate = false;
            Span<float> dx = gradient.Wants(x) ? gradient.GradientOf(x, out accumulate).Span : [];
            Norms.LayerNormBackward(x.Span, weight.Span, mean.Span, inverse.Span, dy.Span, x.Width, dx, dWeight, dBias, accumulate);
        }
    }
}
