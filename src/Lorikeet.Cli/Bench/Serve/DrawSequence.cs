using Lorikeet.Tensors;

namespace Lorikeet.Cli.Bench;

/// <summary>Numbers one after another from a stream of <see cref="CounterRandom"/>: the same on every machine.</summary>
internal sealed class DrawSequence(CounterRandom random)
{
    private ulong at;

    /// <summary>A number within (0, 1).</summary>
    public double Uniform() => (random.Bits(at++) + 0.5) / 4294967296.0;

    /// <summary>An integer of [low, high).</summary>
    public int Integer(int low, int high) => low + (int)((long)random.Bits(at++) * (high - low) >> 32);

    /// <summary>A number of the standard normal distribution (Box and Muller).</summary>
    public double Normal()
    {
        double radius = Math.Sqrt(-2 * Math.Log(Uniform()));
        return radius * Math.Cos(2 * Math.PI * Uniform());
    }

    /// <summary>A number of the Gamma distribution, density proportional to x^(shape-1) exp(-x/scale) (Marsaglia and Tsang, 2000).</summary>
    public double Gamma(double shape, double scale)
    {
        if (shape < 1)
        {
            // Gamma(a) = Gamma(a + 1) U^(1/a).
            return Gamma(shape + 1, scale) * Math.Pow(Uniform(), 1 / shape);
        }
        double d = shape - (1.0 / 3), c = 1 / Math.Sqrt(9 * d);
        while (true)
        {
            double x = Normal(), v = 1 + (c * x);
            if (v <= 0)
            {
                continue;
            }
            v = v * v * v;
            if (Math.Log(Uniform()) < (0.5 * x * x) + d - (d * v) + (d * Math.Log(v)))
            {
                return d * v * scale;
            }
        }
    }
}
