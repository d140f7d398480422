using System.Runtime.Intrinsics;
using Lorikeet.Tensors;

namespace Lorikeet.Training;

/// <summary>RMSprop: the gradient over the root of its mean square, as in torch.optim.RMSprop.</summary>
/// <remarks>
/// g += decay w; v = a v + (1 - a) g^2; centred: c = c + (1 - a)(g - c), v' = v - c^2, else v' = v; u = g / (sqrt(v') + eps); with momentum b = momentum b + u,
/// w -= lr b, else w -= lr u. Source: Hinton, Neural Networks for Machine Learning, lecture 6e; Graves, arXiv 1308.0850.
/// </remarks>
/// <param name="alpha">Decay of the mean square.</param>
/// <param name="eps">Added to the root.</param>
/// <param name="momentum">0: no buffer.</param>
/// <param name="centered">Divide by an estimate of the deviation.</param>
public sealed class RmsProp(double alpha = 0.99, double eps = 1e-8, double momentum = 0, bool centered = false) : IOptimizer
{
    /// <inheritdoc/>
    public string Name => "rmsprop";

    /// <inheritdoc/>
    public void Begin(OptimizerState state, Shape shape)
    {
        ArgumentNullException.ThrowIfNull(state);
        state.Add("square_avg", shape);
        if (momentum != 0)
        {
            state.Add("momentum_buffer", shape);
        }
        if (centered)
        {
            state.Add("grad_avg", shape);
        }
    }

    /// <inheritdoc/>
    public void Step(ReadOnlySpan<Update> updates) => ElementRule.Run(updates, Make);

    private Rule Make(in Update update) => new()
    {
        Decay = (float)update.Decay,
        Keep = (float)alpha,
        Take = (float)(1 - alpha),
        Add = (float)eps,
        Momentum = (float)momentum,
        Rate = (float)update.Rate,
        Buffered = momentum != 0,
        Centered = centered,
    };

    private struct Rule : IElementRule
    {
        public float Decay;
        public float Keep;
        public float Take;
        public float Add;
        public float Momentum;
        public float Rate;
        public bool Buffered;
        public bool Centered;

        public readonly void Apply(
            ref Vector256<float> value, Vector256<float> gradient, ref Vector256<float> first, ref Vector256<float> second, ref Vector256<float> third)
        {
            Vector256<float> g = gradient + (value * Decay);
            first = (first * Keep) + (g * g * Take);
            Vector256<float> spread = first;
            if (Centered)
            {
                // The mean lies behind the buffer, where there is one.
                ref Vector256<float> mean = ref Buffered ? ref third : ref second;
                mean += (g - mean) * Take;
                spread -= mean * mean;
            }
            Vector256<float> step = g / (Vector256.Sqrt(spread) + Vector256.Create(Add));
            if (Buffered)
            {
                second = (second * Momentum) + step;
                step = second;
            }
            value -= step * Rate;
        }
    }
}
