using System.Runtime.Intrinsics;
using Lorikeet.Tensors;

namespace Lorikeet.Training;

/// <summary>AdamW in PyTorch's form: decay first, eps after the bias correction.</summary>
/// <remarks>
/// w -= lr decay w; m = m + (1 - b1)(g - m); v = b2 v + (1 - b2) g^2; w -= lr / (1 - b1^t) m / (sqrt(v) / sqrt(1 - b2^t) + eps).
/// Source: Loshchilov and Hutter, arXiv 1711.05101, as in torch.optim.AdamW.
/// </remarks>
/// <param name="beta1">Decay of the first moment.</param>
/// <param name="beta2">Decay of the second moment.</param>
/// <param name="eps">Added to the root of the corrected second moment.</param>
public sealed class AdamW(double beta1 = 0.9, double beta2 = 0.999, double eps = 1e-8) : IOptimizer
{
    /// <inheritdoc/>
    public string Name => "adamw";

    /// <inheritdoc/>
    public void Begin(OptimizerState state, Shape shape)
    {
        ArgumentNullException.ThrowIfNull(state);
        state.Add("exp_avg", shape);
        state.Add("exp_avg_sq", shape);
    }

    /// <inheritdoc/>
    public void Step(ReadOnlySpan<Update> updates) => ElementRule.Run(updates, Make);

    private Rule Make(in Update update) => new()
    {
        Keep = (float)(1 - (update.Rate * update.Decay)),
        Moments = new AdamMoments(beta1, beta2, eps, update.Rate, update.State.Steps),
    };

    private struct Rule : IElementRule
    {
        public float Keep;
        public AdamMoments Moments;

        public readonly void Apply(ref Vector256<float> value, Vector256<float> gradient, ref Vector256<float> first, ref Vector256<float> second, ref Vector256<float> third) =>
            value = (value * Keep) - Moments.Change(gradient, ref first, ref second);
    }
}
