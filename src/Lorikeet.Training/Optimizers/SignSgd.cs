using System.Runtime.Intrinsics;
using Lorikeet.Tensors;

namespace Lorikeet.Training;

/// <summary>signSGD: w -= lr decay w; w -= lr sign(g), sign(0) = 0. It keeps no state. Source: Bernstein et al., arXiv 1802.04434.</summary>
public sealed class SignSgd : IOptimizer
{
    /// <inheritdoc/>
    public string Name => "signsgd";

    /// <inheritdoc/>
    public void Begin(OptimizerState state, Shape shape)
    {
    }

    /// <inheritdoc/>
    public void Step(ReadOnlySpan<Update> updates) => ElementRule.Run(updates, Make);

    private static Rule Make(in Update update) => new() { Keep = (float)(1 - (update.Rate * update.Decay)), Rate = (float)update.Rate };

    private struct Rule : IElementRule
    {
        public float Keep;
        public float Rate;

        public readonly void Apply(
            ref Vector256<float> value, Vector256<float> gradient, ref Vector256<float> first, ref Vector256<float> second, ref Vector256<float> third)
        {
            Vector256<float> zero = Vector256<float>.Zero, rate = Vector256.Create(Rate);
            value = (value * Keep) - ((Vector256.GreaterThan(gradient, zero) & rate) - (Vector256.LessThan(gradient, zero) & rate));
        }
    }
}
