using Lorikeet.Adapters.Tests.Contract;
using Lorikeet.Models;

namespace Lorikeet.Adapters.Tests.Flora;

/// <summary>Check 5 of FLoRA's card: the gradients of A, B and x against central differences of the paper's formula in double.</summary>
[Trait("Card", "FLoRA 5")]
public sealed class FloraGradientTests
{
    private const int Outputs = 14, Inputs = 11, Rows = 5;

    [Theory]
    [InlineData(1, 0)]
    [InlineData(3, 0)]
    [InlineData(3, 1)]
    [InlineData(4, 2)]
    public void Gradients_are_those_of_the_formula(int rank, int kind)
    {
        using LayerBench bench = new(Outputs, Inputs);
        FloraForm form = kind switch
        {
            0 => new FloraForm(FloraMode.Direct, FloraReduction.Mean),
            1 => new FloraForm(FloraMode.Direct, FloraReduction.Sum),
            _ => new FloraForm(FloraMode.Residual, FloraReduction.Sum, 0.7f),
        };
        float[] a = LayerBench.Normal(1, "A", Outputs * rank), b = LayerBench.Normal(1, "B", rank * Inputs);
        float[] x = LayerBench.Normal(1, "x", Rows * Inputs), gy = LayerBench.Normal(2, "gy", Rows * Outputs);
        FloraSite site = new(LayerBench.Matrix("A", a, Outputs), LayerBench.Matrix("B", b, rank), form);
        using Adapter adapter = bench.Adapt(site);
        (_, float[] dx) = bench.Backward(x, Rows, adapter, gy);
        double[] da = Widened(a), db = Widened(b), exact = Widened(x);
        double Loss() => Value(bench, form, rank, da, db, exact, gy);
        // A product of at most two of the three is linear in each number, so that the difference has no error but rounding.
        Assert.InRange(Bench.Difference(site.A.Gradient.Span, Slopes(da, Loss)), 0, 2e-6);
        Assert.InRange(Bench.Difference(site.B.Gradient.Span, Slopes(db, Loss)), 0, 2e-6);
        Assert.InRange(Bench.Difference(dx, Slopes(exact, Loss)), 0, 2e-6);
    }

    private static double[] Widened(float[] values) => [.. values.Select(v => (double)v)];

    private static float[] Slopes(double[] at, Func<double> value)
    {
        const double Step = 1e-3;
        float[] slopes = new float[at.Length];
        for (int i = 0; i < at.Length; i++)
        {
            double old = at[i];
            at[i] = old + Step;
            double up = value();
            at[i] = old - Step;
            slopes[i] = (float)((up - value()) / (2 * Step));
            at[i] = old;
        }
        return slopes;
    }

    /// <summary>sum of gy o y, y[o] = f sum over j of A[o, j] sum over k of W[o, k] B[j, k] x[k] [+ sum over k of W[o, k] x[k]]; the bias has no part in it.</summary>
    private static double Value(LayerBench bench, FloraForm form, int rank, double[] a, double[] b, double[] x, float[] gy)
    {
        double sum = 0, factor = form.Factor(rank);
        for (int row = 0; row < Rows; row++)
        {
            for (int o = 0; o < Outputs; o++)
            {
                for (int k = 0; k < Inputs; k++)
                {
                    double change = form.AddsBase ? 1 : 0;
                    for (int j = 0; j < rank; j++)
                    {
                        change += factor * a[(o * rank) + j] * b[(j * Inputs) + k];
                    }
                    sum += gy[(row * Outputs) + o] * bench.Weight[(o * Inputs) + k] * change * x[(row * Inputs) + k];
                }
            }
        }
        return sum;
    }
}
