using System.Runtime.Intrinsics;
using Lorikeet.Tensors;

namespace Lorikeet.Training;

/// <summary>Adam with L2 decay: decay is added to the gradient. Source: Kingma and Ba, arXiv 1412.6980, as in torch.optim.Adam.</summary>
/// <param name="beta1">Decay of the first moment.</param>
/// <param name="beta2">Decay of the second moment.</param>
/// <param name="eps">Added to the root of the corrected second moment.</param>
public sealed class Adam(double beta1 = 0.9, double beta2 = 0.999, double eps = 1e-8) : IOptimizer
{
    /// <inheritdoc/>
    public string Name => "adam";

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
        Decay = (float)update.Decay,
        Moments = new AdamMoments(beta1, beta2, eps, update.Rate, update.State.Steps),
    };

    private struct Rule : IElementRule
    {
        public float Decay;
        public AdamMoments Moments;

        public readonly void Apply(ref Vector256<float> value, Vector256<float> gradient, ref Vector256<float> first, ref Vector256<float> second, ref Vector256<float> third) =>
            value -= Moments.Change(gradient + (value * Decay), ref first, ref second);
    }
}
