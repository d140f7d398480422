using System.Runtime.Intrinsics;
using Lorikeet.Kernels;
using Lorikeet.Tensors;

namespace Lorikeet.Training;

/// <summary>GradNormLoRP on full weights: each row is a magnitude times a direction, the direction's gradient is projected as GaLore does it.</summary>
/// <remarks>
/// W = g v / |v| by rows (other tensors than matrices: one row). With s = rowsum(dW o v) and c = |v|: dg = s / c, dv = (g / c)(dW - v s / c^2), which is at right angles to v.
/// v takes the direction optimiser's step, g AdamW's (eps before the bias correction); W = g v / |v|. Decay acts on g.
/// <paramref name="released"/>: as the official code has it, g = |v| at the start of each step and dv = dW; what g learns lives for one step. Decay then acts on v.
/// State: v, g and g's moments; v's state is the part. Source: Huang et al., arXiv 2412.19616; github.com/Jhhuangkay, LowRankWeightNormAdamW.
/// </remarks>
/// <param name="direction">Steps v: GaLore's AdamW.</param>
/// <param name="beta1">Decay of g's first moment.</param>
/// <param name="beta2">Decay of g's second moment.</param>
/// <param name="eps">Added to the root of g's second moment.</param>
/// <param name="released">The released code's form in place of the exact gradient.</param>
public sealed class WeightNorm(IOptimizer direction, double beta1 = 0.9, double beta2 = 0.999, double eps = 1e-6, bool released = false) : IOptimizer
{
    private const float Least = 1e-12f;

    /// <inheritdoc/>
    public string Name => "gradnormlorp";

    /// <inheritdoc/>
    public void Begin(OptimizerState state, Shape shape)
    {
        ArgumentNullException.ThrowIfNull(state);
        Shape column = shape.Rank == 2 ? new Shape(shape[0], 1) : new Shape(1);
        state.Add("v", shape);
        state.Add("g", column);
        state.Add("exp_avg_g", column);
        state.Add("exp_avg_sq_g", column);
        if (state.Part is null)
        {
            state.Part = new OptimizerState();
            direction.Begin(state.Part, shape);
        }
    }

    /// <inheritdoc/>
    public void Step(ReadOnlySpan<Update> updates)
    {
        int projected = 0, number = 0;
        for (int i = 0; i < updates.Length; i++)
        {
            projected += updates[i].Projected ? 1 : 0;
        }
        for (int i = 0; i < updates.Length; i++)
        {
            Update update = updates[i];
            if (update.Projected && update.Count == 0)
            {
                update = update with { Number = number++, Count = projected };
            }
            One(update);
        }
    }

    /// <summary>The gradients of magnitudes and directions.</summary>
    /// <param name="gradient">dL/dW, [rows, width].</param>
    /// <param name="v">[rows, width].</param>
    /// <param name="g">[rows].</param>
    /// <param name="toDirection">Receives dL/dv, [rows, width].</param>
    /// <param name="toMagnitude">Receives dL/dg, [rows].</param>
    internal static void Split(ReadOnlySpan<float> gradient, ReadOnlySpan<float> v, ReadOnlySpan<float> g, Span<float> toDirection, Span<float> toMagnitude)
    {
        int width = v.Length / g.Length;
        for (int row = 0; row < g.Length; row++)
        {
            ReadOnlySpan<float> own = gradient.Slice(row * width, width), direction = v.Slice(row * width, width);
            double norm = Norm(direction), along = 0;
            for (int j = 0; j < width; j++)
            {
                along += (double)own[j] * direction[j];
            }
            toMagnitude[row] = (float)(along / norm);
            Span<float> to = toDirection.Slice(row * width, width);
            double factor = g[row] / norm, back = along / (norm * norm);
            for (int j = 0; j < width; j++)
            {
                to[j] = (float)(factor * (own[j] - (direction[j] * back)));
            }
        }
    }

    private static double Norm(ReadOnlySpan<float> row) => Math.Max(Math.Sqrt(Reduce.SumOfSquaresDouble(row)), Least);

    private void One(in Update update)
    {
        OptimizerState state = update.State;
        Tensor v = state["v"];
        Span<float> g = state["g"].Span, value = update.Parameter.Value.Span;
        int width = value.Length / g.Length;
        if (state.Steps == 0)
        {
            value.CopyTo(v.Span);
        }
        if (state.Steps == 0 || released)
        {
            for (int row = 0; row < g.Length; row++)
            {
                g[row] = (float)Norm(v.Span.Slice(row * width, width));
            }
        }
        Tensor along = Storage.Zeros(state["g"].Shape), own = Storage.Zeros(v.Shape);
        Split(update.Gradient.Span, v.Span, g, own.Span, along.Span);
        if (released)
        {
            update.Gradient.Span.CopyTo(own.Span);
        }
        state.Steps++;
        direction.Step([update with { Parameter = new Parameter(update.Parameter.Name, v), Gradient = own, State = state.Part!, Decay = released ? update.Decay : 0 }]);
        StepMagnitudes(update, g, along.Span);
        for (int row = 0; row < g.Length; row++)
        {
            ReadOnlySpan<float> from = v.Span.Slice(row * width, width);
            Elementwise.Scale(from, (float)(g[row] / Norm(from)), value.Slice(row * width, width));
        }
        along.Free();
        own.Free();
    }

    private void StepMagnitudes(in Update update, Span<float> g, ReadOnlySpan<float> gradient)
    {
        AdamMoments moments = new(beta1, beta2, eps, update.Rate, update.State.Steps, early: true);
        Span<float> first = update.State["exp_avg_g"].Span, second = update.State["exp_avg_sq_g"].Span;
        float keep = released ? 1f : (float)(1 - (update.Rate * update.Decay));
        for (int i = 0; i < g.Length; i++)
        {
            Vector256<float> m = Vector256.CreateScalar(first[i]), s = Vector256.CreateScalar(second[i]);
            g[i] = (g[i] - moments.Change(Vector256.CreateScalar(gradient[i]), ref m, ref s)[0]) * keep;
            (first[i], second[i]) = (m[0], s[0]);
        }
    }
}
