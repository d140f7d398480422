using System.Globalization;
using Lorikeet.Tensors;

namespace Lorikeet.Training;

/// <summary>SM3: squared gradients kept as one accumulator for each axis, whose least bounds an element's.</summary>
/// <remarks>
/// nu = min over axes of acc[axis] + g^2 (beta 0), or beta min + (1 - beta) g^2; u = g / sqrt(nu + eps); acc[axis] = max of nu over the other axes, for
/// beta &gt; 0 not below its old value; with momentum m = mu m + (1 - mu) u, u = m; w -= lr decay w; w -= lr u.
/// Source: Anil et al., arXiv 1901.11150, algorithm SM3-II, as in torch-SM3.
/// </remarks>
/// <param name="momentum">mu; 0: no buffer.</param>
/// <param name="beta">0: the paper's sum; above: an exponential mean.</param>
/// <param name="eps">Added to nu.</param>
public sealed class Sm3(double momentum = 0, double beta = 0, double eps = 1e-30) : IOptimizer
{
    /// <inheritdoc/>
    public string Name => "sm3";

    /// <inheritdoc/>
    public void Begin(OptimizerState state, Shape shape)
    {
        ArgumentNullException.ThrowIfNull(state);
        for (int axis = 0; axis < shape.Rank; axis++)
        {
            state.Add(Accumulator(axis), new Shape(shape[axis]));
        }
        state.Add("momentum_buffer", momentum == 0 ? new Shape(1) : shape);
    }

    /// <inheritdoc/>
    public void Step(ReadOnlySpan<Update> updates)
    {
        for (int i = 0; i < updates.Length; i++)
        {
            One(updates[i]);
        }
    }

    private void One(in Update update)
    {
        OptimizerState state = update.State;
        state.Steps++;
        Shape shape = update.Parameter.Value.Shape;
        Span<float> value = update.Parameter.Value.Span, gradient = update.Gradient.Span, buffer = state["momentum_buffer"].Span;
        float[][] old = new float[shape.Rank][], now = new float[shape.Rank][];
        for (int axis = 0; axis < shape.Rank; axis++)
        {
            old[axis] = state[Accumulator(axis)].Span.ToArray();
            now[axis] = beta > 0 ? (float[])old[axis].Clone() : new float[old[axis].Length];
        }
        int[] at = new int[shape.Rank];
        float keep = (float)(1 - (update.Rate * update.Decay)), rate = (float)update.Rate, mu = (float)momentum;
        for (int i = 0; i < value.Length; i++)
        {
            float least = float.PositiveInfinity;
            for (int axis = 0; axis < at.Length; axis++)
            {
                least = MathF.Min(least, old[axis][at[axis]]);
            }
            float square = gradient[i] * gradient[i];
            float nu = beta > 0 ? ((float)beta * least) + ((float)(1 - beta) * square) : least + square;
            for (int axis = 0; axis < at.Length; axis++)
            {
                now[axis][at[axis]] = MathF.Max(now[axis][at[axis]], nu);
            }
            float step = gradient[i] / MathF.Sqrt(nu + (float)eps);
            if (momentum != 0)
            {
                buffer[i] = (buffer[i] * mu) + (step * (1 - mu));
                step = buffer[i];
            }
            value[i] = (value[i] * keep) - (rate * step);
            for (int axis = at.Length - 1; axis >= 0 && ++at[axis] == shape[axis]; axis--)
            {
                at[axis] = 0;
            }
        }
        for (int axis = 0; axis < at.Length; axis++)
        {
            now[axis].CopyTo(state[Accumulator(axis)].Span);
        }
    }

    private static string Accumulator(int axis) => "accumulator_" + axis.ToString(CultureInfo.InvariantCulture);
}
