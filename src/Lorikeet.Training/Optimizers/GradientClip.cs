using Lorikeet.Kernels;
using Lorikeet.Tensors;

namespace Lorikeet.Training;

/// <summary>Which norm of all gradients together is meant.</summary>
public enum NormKind
{
    /// <summary>The root of the sum of squares.</summary>
    Two,

    /// <summary>The sum of magnitudes.</summary>
    One,

    /// <summary>The largest magnitude.</summary>
    Infinity,
}

/// <summary>Clipping by the norm of all gradients together. Source: Pascanu et al., arXiv 1211.5063, as torch.nn.utils.clip_grad_norm_.</summary>
public static class GradientClip
{
    /// <summary>The norm; summed in float64, but infinite where PyTorch's float32 sum overflows.</summary>
    /// <param name="gradients">All gradients.</param>
    /// <param name="kind">Which norm.</param>
    public static float Norm(ReadOnlySpan<Tensor> gradients, NormKind kind = NormKind.Two)
    {
        double total = 0;
        foreach (Tensor gradient in gradients)
        {
            total = kind switch
            {
                NormKind.Two => total + Reduce.SumOfSquaresDouble(gradient.Span),
                NormKind.One => total + SumOfMagnitudes(gradient.Span),
                _ => Math.Max(total, LargestMagnitude(gradient.Span)),
            };
        }
        return kind == NormKind.Two ? MathF.Sqrt((float)total) : (float)total;
    }

    /// <summary>Multiplies all gradients by min(1, most / (norm + 1e-6)).</summary>
    /// <remarks>A NaN makes all gradients NaN; an infinite norm makes finite gradients 0 and the infinite one NaN.</remarks>
    /// <param name="gradients">All gradients, changed in place.</param>
    /// <param name="most">The largest norm that is left alone.</param>
    /// <param name="norm">Their norm.</param>
    public static void Apply(ReadOnlySpan<Tensor> gradients, double most, float norm)
    {
        float coefficient = (float)most / (norm + 1e-6f);
        coefficient = coefficient > 1f ? 1f : coefficient;
        if (coefficient == 1f)
        {
            return;
        }
        foreach (Tensor gradient in gradients)
        {
            Elementwise.Scale(gradient.Span, coefficient, gradient.Span);
        }
    }

    private static double SumOfMagnitudes(ReadOnlySpan<float> x)
    {
        double sum = 0;
        foreach (float v in x)
        {
            sum += Math.Abs((double)v);
        }
        return sum;
    }

    private static double LargestMagnitude(ReadOnlySpan<float> x)
    {
        double most = 0;
        foreach (float v in x)
        {
            most = Math.Max(most, Math.Abs((double)v));
        }
        return most;
    }
}
