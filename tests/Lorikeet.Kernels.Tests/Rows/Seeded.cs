namespace Lorikeet.Kernels.Tests.Rows;

/// <summary>Numbers for tests, the same on every machine (splitmix64).</summary>
internal sealed class Seeded(ulong seed)
{
    private ulong state = seed;

    /// <summary>Uniform in [0, 1).</summary>
    public double Next() => (Bits() >> 11) * (1.0 / (1UL << 53));

    /// <summary>Uniform in [from, to).</summary>
    public float Between(double from, double to) => (float)(from + (Next() * (to - from)));

    /// <summary>Uniform below a bound.</summary>
    public int Below(int bound) => (int)(Next() * bound);

    /// <summary>Elements uniform in [-size, size).</summary>
    public float[] Array(int length, double size = 1)
    {
        float[] values = new float[length];
        for (int i = 0; i < length; i++)
        {
            values[i] = Between(-size, size);
        }
        return values;
    }

    private ulong Bits()
    {
        state += 0x9E3779B97F4A7C15;
        ulong z = (state ^ (state >> 30)) * 0xBF58476D1CE4E5B9;
        z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
        return z ^ (z >> 31);
    }
}
