using Lorikeet.Models;
using Lorikeet.Tensors;

namespace Lorikeet.Adapters.Tests.Contract;

/// <summary>Compares the gradients of one adapted layer with central differences of its own forward.</summary>
internal static class GradientCheck
{
    /// <summary>Checks every element of every parameter, and of the input.</summary>
    public static void Run(LayerBench bench, Adapter adapter, int rows, float step = 0.02f, double tolerance = 2e-3)
    {
        int inputs = bench.Model.Layer.Inputs, outputs = bench.Model.Layer.Outputs;
        float[] x = LayerBench.Normal(21, "x", rows * inputs), gy = LayerBench.Normal(22, "gy", rows * outputs);
        (_, float[] dx) = bench.Backward(x, rows, adapter, gy);
        foreach (Parameter parameter in adapter.Parameters)
        {
            float[] expected = new float[parameter.Value.Shape.Length];
            for (int i = 0; i < expected.Length; i++)
            {
                expected[i] = Slope(parameter.Value.Span, i, step, () => Value(bench, adapter, x, rows, gy));
            }
            Assert.True(parameter.HasGradient, $"{parameter.Name} got no gradient");
            double error = Bench.Difference(parameter.Gradient.Span, expected);
            Assert.True(error <= tolerance, $"{parameter.Name}: gradient differs from central differences by {error:G3} of the largest");
        }
        float[] slopes = new float[x.Length];
        for (int i = 0; i < x.Length; i++)
        {
            slopes[i] = Slope(x, i, step, () => Value(bench, adapter, x, rows, gy));
        }
        Assert.InRange(Bench.Difference(dx, slopes), 0, tolerance);
    }

    private static float Slope(Span<float> at, int i, float step, Func<double> value)
    {
        float old = at[i];
        at[i] = old + step;
        double up = value();
        at[i] = old - step;
        double down = value();
        at[i] = old;
        return (float)((up - down) / ((double)(old + step) - (old - step)));
    }

    private static double Value(LayerBench bench, Adapter adapter, float[] x, int rows, float[] gy)
    {
        float[] y = bench.Forward(x, rows, adapter, own: true);
        double sum = 0;
        for (int i = 0; i < y.Length; i++)
        {
            sum += (double)y[i] * gy[i];
        }
        return sum;
    }
}
