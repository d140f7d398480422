using Lorikeet.Kernels;
using Lorikeet.Tensors;

namespace Lorikeet.Training;

/// <summary>What happens to the part of a gradient that lies outside the subspace.</summary>
public interface IResidual
{
    /// <summary>Changes the parameter by the outside part.</summary>
    /// <param name="step">The step, its residual among it.</param>
    void Apply(in ResidualStep step);
}

/// <summary>A step of one parameter, seen from outside its subspace.</summary>
/// <param name="Update">The whole update; its rate is the projected matrices'.</param>
/// <param name="Low">The projected gradient; does not exist where nothing is inside.</param>
/// <param name="Inside">The projected gradient brought back up; zeros where nothing is inside. It may be overwritten.</param>
/// <param name="Scale">What multiplies the inner change when it is brought back.</param>
/// <param name="IsWhole">The subspace is the whole space: what remains is rounding.</param>
public readonly record struct ResidualStep(Update Update, Tensor Low, Tensor Inside, double Scale, bool IsWhole);

/// <summary>FRUGAL's rule: w -= lr scale sign(g - inside), or without the sign. Source: arXiv 2411.07837, algorithm 1.</summary>
/// <param name="scale">The outside's rate over the inside's.</param>
/// <param name="sign">True: signSGD; false: SGD.</param>
public sealed class FreeResidual(double scale, bool sign) : IResidual
{
    /// <inheritdoc/>
    public void Apply(in ResidualStep step)
    {
        if (step.IsWhole)
        {
            return;
        }
        Span<float> value = step.Update.Parameter.Value.Span, gradient = step.Update.Gradient.Span, inside = step.Inside.Span;
        float rate = (float)(step.Update.Rate * scale);
        for (int i = 0; i < value.Length; i++)
        {
            float outside = gradient[i] - inside[i];
            value[i] -= sign ? rate * MathF.Sign(outside) : rate * outside;
        }
    }
}

/// <summary>Fira's rule: the residual's columns (rows) scaled by what Adam did to the norms inside, its growth limited to 1 % a step.</summary>
/// <remarks>
/// phi[i] = |psi(R)[i]| / (|R[i]| + 1e-8) along the long side; S = E phi; S is scaled down to 1.01 times the last limited norm where it is larger;
/// w -= step S. E = G - alpha back(R): the official code's alpha is inside; <paramref name="clean"/> leaves it out. Source: arXiv 2410.01623, equations 7 and 9.
/// </remarks>
/// <param name="inner">The inner optimiser, whose moments give psi(R) = m / (sqrt(v) + eps): they are there in a step of rate 0, too.</param>
/// <param name="clean">True: E = G - back(R), as the paper has it.</param>
public sealed class FiraResidual(EarlyAdamW inner, bool clean = false) : IResidual
{
    private const double Growth = 1.01, Small = 1e-8;
    private const string Norm = "scaling_grad";

    /// <inheritdoc/>
    public void Apply(in ResidualStep step)
    {
        OptimizerState state = step.Update.State;
        bool first = !state.Has(Norm);
        Tensor last = state.Add(Norm, new Shape(1));
        if (step.IsWhole)
        {
            return;
        }
        double size = inner.StepSize(step.Update.Rate, state.Steps);
        int rows = step.Inside.Rows, columns = step.Inside.Width;
        bool byColumn = state.Has("left");
        Span<float> residual = step.Inside.Span;
        double[] factors = Factors(step.Low, state.Part!, byColumn);
        float alpha = clean ? 1f : (float)step.Scale;
        ReadOnlySpan<float> gradient = step.Update.Gradient.Span;
        for (int row = 0; row < rows; row++)
        {
            for (int column = 0; column < columns; column++)
            {
                int at = (row * columns) + column;
                residual[at] = (gradient[at] - (alpha * residual[at])) * (float)factors[byColumn ? column : row];
            }
        }
        double norm = Math.Sqrt(Reduce.SumOfSquaresDouble(residual)), before = last.Span[0];
        // A last norm of zero would hold the residual at zero for ever.
        double limit = first || before < 1e-12 ? 1 : Math.Max(norm / (before + Small), Growth) / Growth;
        last.Span[0] = (float)(norm / limit);
        Elementwise.AddScaled((float)(-size / limit), residual, step.Update.Parameter.Value.Span);
    }

    private double[] Factors(in Tensor low, OptimizerState moments, bool byColumn)
    {
        int rows = low.Rows, columns = low.Width;
        double[] before = new double[byColumn ? columns : rows], after = new double[before.Length];
        ReadOnlySpan<float> r = low.Span, first = moments["exp_avg"].Span, second = moments["exp_avg_sq"].Span;
        for (int i = 0; i < r.Length; i++)
        {
            int at = byColumn ? i % columns : i / columns;
            double psi = first[i] / (Math.Sqrt(second[i]) + inner.Eps);
            before[at] += (double)r[i] * r[i];
            after[at] += psi * psi;
        }
        for (int i = 0; i < before.Length; i++)
        {
            after[i] = Math.Sqrt(after[i]) / (Math.Sqrt(before[i]) + Small);
        }
        return after;
    }
}
