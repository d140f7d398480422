namespace Lorikeet.Kernels.Tests.Rows;

/// <summary>What tests of kernels compare, and what a failure prints.</summary>
internal static class Near
{
    /// <summary>|found - expected| is at most <paramref name="relative"/> of the expected, or <paramref name="absolute"/>; NaN equals
    /// NaN.</summary>
    public static void Check(double expected, double found, double relative, double absolute, string what)
    {
        if (double.IsNaN(expected) && double.IsNaN(found))
        {
            return;
        }
        if (expected.Equals(found) || Math.Abs(found - expected) <= Math.Max(relative * Math.Abs(expected), absolute))
        {
            return;
        }
        Assert.Fail($"{what}: found {found:R}, expected {expected:R} within {relative} relative or {absolute} absolute");
    }

    /// <summary>Compares arrays element by element.</summary>
    public static void Check(ReadOnlySpan<double> expected, ReadOnlySpan<float> found, double relative, double absolute, string what)
    {
        Assert.Equal(expected.Length, found.Length);
        for (int i = 0; i < expected.Length; i++)
        {
            Check(expected[i], found[i], relative, absolute, $"{what}[{i}]");
        }
    }

    /// <summary>The same bits; any NaN equals any NaN.</summary>
    public static void Same(ReadOnlySpan<float> expected, ReadOnlySpan<float> found, string what)
    {
        Assert.Equal(expected.Length, found.Length);
        for (int i = 0; i < expected.Length; i++)
        {
            if (float.IsNaN(expected[i]) ? !float.IsNaN(found[i]) : BitConverter.SingleToInt32Bits(expected[i]) != BitConverter.SingleToInt32Bits(found[i]))
            {
                Assert.Fail($"{what}[{i}]: {found[i]:R} differs in bits from {expected[i]:R}");
            }
        }
    }

    /// <summary>The distance of a float from a double, in units of the last place of the float nearest the double.</summary>
    public static double Ulps(double expected, float found)
    {
        float nearest = (float)expected;
        double unit = Math.Max(MathF.BitIncrement(MathF.Abs(nearest)) - MathF.Abs(nearest), float.Epsilon);
        return Math.Abs(found - expected) / unit;
    }

    public static double[] Widen(ReadOnlySpan<float> values)
    {
        double[] wide = new double[values.Length];
        for (int i = 0; i < wide.Length; i++)
        {
            wide[i] = values[i];
        }
        return wide;
    }

    /// <summary>Compares gradients with central differences of a function of doubles.</summary>
    public static void Gradient(Func<double[], double> loss, ReadOnlySpan<float> at, ReadOnlySpan<float> gradient, double tolerance, string what)
    {
        double[] x = Widen(at);
        for (int i = 0; i < x.Length; i++)
        {
            double held = x[i];
            const double Step = 1e-5;
            x[i] = held + Step;
            double above = loss(x);
            x[i] = held - Step;
            double below = loss(x);
            x[i] = held;
            Check((above - below) / (2 * Step), gradient[i], tolerance, tolerance, $"{what}[{i}]");
        }
    }
}
