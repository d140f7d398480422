using System.Runtime.Intrinsics;
using Lorikeet.Tensors;

namespace Lorikeet.Training;

/// <summary>AdamW in Transformers' old form, which GaLore and Fira build on: eps before the bias correction, decay last.</summary>
/// <remarks>
/// m = m + (1 - b1)(g - m); v = b2 v + (1 - b2) g^2; w -= lr sqrt(1 - b2^t) / (1 - b1^t) m / (sqrt(v) + eps); w -= lr decay w.
/// Source: transformers.optimization.AdamW, as in galore_torch/adamw.py.
/// </remarks>
/// <param name="beta1">Decay of the first moment.</param>
/// <param name="beta2">Decay of the second moment.</param>
/// <param name="eps">Added to the root of the second moment.</param>
public sealed class EarlyAdamW(double beta1 = 0.9, double beta2 = 0.999, double eps = 1e-6) : IOptimizer
{
    /// <inheritdoc/>
    public string Name => "early-adamw";

    /// <summary>What is added to the root of the second moment.</summary>
    public double Eps => eps;

    /// <summary>What multiplies m / (sqrt(v) + eps) in a step.</summary>
    /// <param name="rate">The learning rate.</param>
    /// <param name="step">The step's number, from 1.</param>
    public double StepSize(double rate, int step) => rate * Math.Sqrt(1 - Math.Pow(beta2, step)) / (1 - Math.Pow(beta1, step));

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
        Moments = new AdamMoments(beta1, beta2, eps, update.Rate, update.State.Steps, early: true),
    };

    private struct Rule : IElementRule
    {
        public float Keep;
        public AdamMoments Moments;

        public readonly void Apply(
            ref Vector256<float> value, Vector256<float> gradient, ref Vector256<float> first, ref Vector256<float> second, ref Vector256<float> third) =>
            value = (value - Moments.Change(gradient, ref first, ref second)) * Keep;
    }
}
