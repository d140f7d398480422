using System.Runtime.Intrinsics;
using Lorikeet.Tensors;

namespace Lorikeet.Training;

/// <summary>Adamax: Adam with the infinity norm of past gradients in place of the second moment, as in torch.optim.Adamax.</summary>
/// <remarks>g += decay w; m = m + (1 - b1)(g - m); u = max(b2 u, |g| + eps); w -= lr / (1 - b1^t) m / u. Source: Kingma and Ba, arXiv 1412.6980, section 7.1.</remarks>
/// <param name="beta1">Decay of the first moment.</param>
/// <param name="beta2">Decay of the norm.</param>
/// <param name="eps">Keeps the divisor from zero.</param>
public sealed class Adamax(double beta1 = 0.9, double beta2 = 0.999, double eps = 1e-8) : IOptimizer
{
    /// <inheritdoc/>
    public string Name => "adamax";

    /// <inheritdoc/>
    public void Begin(OptimizerState state, Shape shape)
    {
        ArgumentNullException.ThrowIfNull(state);
        state.Add("exp_avg", shape);
        state.Add("exp_inf", shape);
    }

    /// <inheritdoc/>
    public void Step(ReadOnlySpan<Update> updates) => ElementRule.Run(updates, Make);

    private Rule Make(in Update update) => new()
    {
        Decay = (float)update.Decay,
        Lerp = (float)(1 - beta1),
        Keep = (float)beta2,
        Add = (float)eps,
        Size = (float)(update.Rate / (1 - Math.Pow(beta1, update.State.Steps))),
    };

    private struct Rule : IElementRule
    {
        public float Decay;
        public float Lerp;
        public float Keep;
        public float Add;
        public float Size;

        public readonly void Apply(
            ref Vector256<float> value, Vector256<float> gradient, ref Vector256<float> first, ref Vector256<float> second, ref Vector256<float> third)
        {
            Vector256<float> g = gradient + (value * Decay);
            first += (g - first) * Lerp;
            second = Vector256.Max(second * Keep, Vector256.Abs(g) + Vector256.Create(Add));
            value -= first / second * Size;
        }
    }
}
