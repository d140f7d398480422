using Lorikeet.Tensors;

namespace Lorikeet.Serving.Tests;

/// <summary>Requests over time as S-LoRA's traces draw them: one Gamma stream of arrivals, adapters by a power law, labelled independently.</summary>
internal static class Workload
{
    /// <summary>Draws a trace.</summary>
    /// <param name="adapters">How many adapters.</param>
    /// <param name="alpha">index = int(adapters * u^(1/alpha)): 1 is uniform, smaller prefers low numbers.</param>
    /// <param name="rate">Requests a second.</param>
    /// <param name="cv">Standard deviation of gaps over their mean; 1: Poisson.</param>
    /// <param name="seconds">How long.</param>
    /// <param name="seed">The seed.</param>
    public static (double Time, int Adapter)[] Draw(int adapters, double alpha, double rate, double cv, double seconds, ulong seed)
    {
        int count = (int)(rate * seconds);
        CounterRandom random = new CounterRandom(seed).Named("workload");
        CounterRandom labels = random.Named("adapters"), gaps = random.Named("gaps");
        (double, int)[] trace = new (double, int)[count];
        double shape = 1 / (cv * cv), scale = cv * cv / rate, time = 0;
        for (int i = 0; i < count; i++)
        {
            time += scale * Gamma(shape, gaps.Named($"{i}"));
            trace[i] = (time, (int)(adapters * Math.Pow(labels.Uniform((ulong)i), 1 / alpha)));
        }
        return trace;
    }

    // Marsaglia and Tsang, A simple method for generating gamma variables, 2000.
    private static double Gamma(double shape, CounterRandom random)
    {
        double boost = shape < 1 ? Math.Pow(1 - random.Named("boost").Uniform(0), 1 / shape) : 1;
        double d = (shape < 1 ? shape + 1 : shape) - (1.0 / 3), c = 1 / Math.Sqrt(9 * d);
        float[] normal = new float[64];
        random.Named("normal").FillNormal(normal, 1f);
        for (int i = 0; i < normal.Length; i++)
        {
            double v = Math.Pow(1 + (c * normal[i]), 3);
            double u = 1 - random.Uniform((ulong)i);
            if (v > 0 && Math.Log(u) < (0.5 * normal[i] * normal[i]) + d - (d * v) + (d * Math.Log(v)))
            {
                return boost * d * v;
            }
        }
        throw new InvalidOperationException("64 draws were all refused");
    }
}
