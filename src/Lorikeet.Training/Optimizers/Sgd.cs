using System.Runtime.Intrinsics;
using Lorikeet.Tensors;

namespace Lorikeet.Training;

/// <summary>Gradient descent with momentum, as in torch.optim.SGD.</summary>
/// <remarks>
/// g += decay w; b = momentum b + (1 - dampening) g, in the first step b = g; w -= lr b, or with Nesterov's form w -= lr (g + momentum b).
/// </remarks>
/// <param name="momentum">0 to below 1; 0 keeps no buffer.</param>
/// <param name="dampening">What of a gradient does not enter the buffer, after the first step.</param>
/// <param name="nesterov">Look ahead by one step of the buffer.</param>
public sealed class Sgd(double momentum = 0, double dampening = 0, bool nesterov = false) : IOptimizer
{
    /// <inheritdoc/>
    public string Name => "sgd";

    /// <inheritdoc/>
    public void Begin(OptimizerState state, Shape shape)
    {
        ArgumentNullException.ThrowIfNull(state);
        if (momentum != 0)
        {
            state.Add("momentum_buffer", shape);
        }
    }

    /// <inheritdoc/>
    public void Step(ReadOnlySpan<Update> updates) => ElementRule.Run(updates, Make);

    private Rule Make(in Update update) => new()
    {
        Decay = (float)update.Decay,
        Rate = (float)update.Rate,
        Keep = update.State.Steps == 1 ? 0f : (float)momentum,
        Take = update.State.Steps == 1 ? 1f : (float)(1 - dampening),
        Ahead = nesterov ? (float)momentum : 0f,
        UsesBuffer = momentum != 0,
        Nesterov = nesterov,
    };

    private struct Rule : IElementRule
    {
        public float Decay;
        public float Rate;
        public float Keep;
        public float Take;
        public float Ahead;
        public bool UsesBuffer;
        public bool Nesterov;

        public readonly void Apply(ref Vector256<float> value, Vector256<float> gradient, ref Vector256<float> first, ref Vector256<float> second, ref Vector256<float> third)
        {
            Vector256<float> g = gradient + (value * Decay);
            if (UsesBuffer)
            {
                first = (first * Keep) + (g * Take);
                g = Nesterov ? g + (first * Ahead) : first;
            }
            value -= g * Rate;
        }
    }
}
