using System.Runtime.Intrinsics;
using Lorikeet.Tensors;

namespace Lorikeet.Training;

/// <summary>Lion: the sign of an interpolation between moment and gradient, decay first.</summary>
/// <remarks>w -= lr decay w; w -= lr sign(b1 m + (1 - b1) g); m = b2 m + (1 - b2) g. sign(0) = 0. Source: Chen et al., arXiv 2302.06675.</remarks>
/// <param name="beta1">Weight of the moment in the sign.</param>
/// <param name="beta2">Decay of the moment.</param>
public sealed class Lion(double beta1 = 0.9, double beta2 = 0.99) : IOptimizer
{
    /// <inheritdoc/>
    public string Name => "lion";

    /// <inheritdoc/>
    public void Begin(OptimizerState state, Shape shape)
    {
        ArgumentNullException.ThrowIfNull(state);
        state.Add("exp_avg", shape);
    }

    /// <inheritdoc/>
    public void Step(ReadOnlySpan<Update> updates) => ElementRule.Run(updates, Make);

    private Rule Make(in Update update) => new()
    {
        Keep = (float)(1 - (update.Rate * update.Decay)),
        Rate = (float)update.Rate,
        Beta1 = (float)beta1,
        Take1 = (float)(1 - beta1),
        Beta2 = (float)beta2,
        Take2 = (float)(1 - beta2),
    };

    private struct Rule : IElementRule
    {
        public float Keep;
        public float Rate;
        public float Beta1;
        public float Take1;
        public float Beta2;
        public float Take2;

        public readonly void Apply(ref Vector256<float> value, Vector256<float> gradient, ref Vector256<float> first, ref Vector256<float> second, ref Vector256<float> third)
        {
            Vector256<float> mixed = (first * Beta1) + (gradient * Take1);
            Vector256<float> zero = Vector256<float>.Zero, rate = Vector256.Create(Rate);
            Vector256<float> change = (Vector256.GreaterThan(mixed, zero) & rate) - (Vector256.LessThan(mixed, zero) & rate);
            value = (value * Keep) - change;
            first = (first * Beta2) + (gradient * Take2);
        }
    }
}
