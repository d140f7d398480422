using Lorikeet.Models;
using Lorikeet.Tensors;

namespace Lorikeet.Adapters.Tests.Contract;

/// <summary>Adam without decay, for experiments in tests.</summary>
internal sealed class TinyAdam(Adapter adapter, double rate)
{
    private readonly Dictionary<Parameter, (double[] First, double[] Second)> moments = adapter.Parameters.Where(p => p.Trainable).ToDictionary(
        p => p, p => (new double[p.Value.Shape.Length], new double[p.Value.Shape.Length]));

    private int step;

    public void Step(double factor = 1)
    {
        step++;
        foreach ((Parameter parameter, (double[] first, double[] second)) in moments)
        {
            Span<float> value = parameter.Value.Span;
            ReadOnlySpan<float> gradient = parameter.Gradient.Span;
            for (int i = 0; i < value.Length; i++)
            {
                first[i] = (0.9 * first[i]) + (0.1 * gradient[i]);
                second[i] = (0.99 * second[i]) + (0.01 * gradient[i] * gradient[i]);
                double mean = first[i] / (1 - Math.Pow(0.9, step)), square = second[i] / (1 - Math.Pow(0.99, step));
                value[i] -= (float)(factor * rate * mean / (Math.Sqrt(square) + 1e-9));
            }
            parameter.ClearGradient();
        }
        adapter.ForgetForms();
    }
}
