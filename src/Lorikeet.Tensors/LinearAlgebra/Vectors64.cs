using System.Numerics;
using System.Runtime.InteropServices;

namespace Lorikeet.Tensors.LinearAlgebra;

/// <summary>The three loops that decompositions live in, four lanes at a time where the machine has them.</summary>
internal static class Vectors64
{
    /// <summary>Sum of x[i] y[i].</summary>
    public static double Dot(ReadOnlySpan<double> x, ReadOnlySpan<double> y)
    {
        y = y[..x.Length];
        ReadOnlySpan<Vector<double>> wideX = MemoryMarshal.Cast<double, Vector<double>>(x), wideY = MemoryMarshal.Cast<double, Vector<double>>(y);
        Vector<double> a = Vector<double>.Zero, b = a;
        int i = 0;
        for (; i + 1 < wideX.Length; i += 2)
        {
            a += wideX[i] * wideY[i];
            b += wideX[i + 1] * wideY[i + 1];
        }
        for (; i < wideX.Length; i++)
        {
            a += wideX[i] * wideY[i];
        }
        double sum = Vector.Sum(a + b);
        for (i = wideX.Length * Vector<double>.Count; i < x.Length; i++)
        {
            sum += x[i] * y[i];
        }
        return sum;
    }

    /// <summary>y += a x.</summary>
    public static void AddScaled(double a, ReadOnlySpan<double> x, Span<double> y)
    {
        ReadOnlySpan<Vector<double>> wideX = MemoryMarshal.Cast<double, Vector<double>>(x);
        Span<Vector<double>> wideY = MemoryMarshal.Cast<double, Vector<double>>(y[..x.Length]);
        Vector<double> factor = new(a);
        for (int i = 0; i < wideX.Length; i++)
        {
            wideY[i] += factor * wideX[i];
        }
        for (int i = wideX.Length * Vector<double>.Count; i < x.Length; i++)
        {
            y[i] += a * x[i];
        }
    }

    /// <summary>(x, y) = (c x - s y, s x + c y).</summary>
    public static void Rotate(Span<double> x, Span<double> y, double c, double s)
    {
        Span<Vector<double>> wideX = MemoryMarshal.Cast<double, Vector<double>>(x), wideY = MemoryMarshal.Cast<double, Vector<double>>(y[..x.Length]);
        Vector<double> cosine = new(c), sine = new(s);
        for (int i = 0; i < wideX.Length; i++)
        {
            (wideX[i], wideY[i]) = ((cosine * wideX[i]) - (sine * wideY[i]), (sine * wideX[i]) + (cosine * wideY[i]));
        }
        for (int i = wideX.Length * Vector<double>.Count; i < x.Length; i++)
        {
            (x[i], y[i]) = ((c * x[i]) - (s * y[i]), (s * x[i]) + (c * y[i]));
        }
    }

    /// <summary>The Euclidean norm, scaled so that squares neither overflow nor vanish.</summary>
    public static double Norm(ReadOnlySpan<double> x)
    {
        double most = 0;
        foreach (double value in x)
        {
            most = Math.Max(most, Math.Abs(value));
        }
        if (most == 0 || !double.IsFinite(most))
        {
            return most;
        }
        if (most is > 1e-140 and < 1e140)
        {
            return Math.Sqrt(Dot(x, x));
        }
        double sum = 0;
        foreach (double value in x)
        {
            double share = value / most;
            sum += share * share;
        }
        return most * Math.Sqrt(sum);
    }
}
