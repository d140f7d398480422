using System.Numerics;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Lorikeet.Kernels;

/// <summary>The greatest element, its place, and the test for finite elements; NaN is never the greatest.</summary>
internal static unsafe class Extremes
{
    public static float Max(float* x, nint count) => KernelPath.UseAvx2 ? MaxWide(x, count) : MaxScalar(x, count);

    public static bool AllFinite(float* x, nint count) => KernelPath.UseAvx2 ? AllFiniteWide(x, count) : AllFiniteScalar(x, count);

    /// <summary>The first place that holds <paramref name="value"/>, or -1.</summary>
    public static nint IndexOf(float* x, nint count, float value)
    {
        nint i = 0;
        if (KernelPath.UseAvx2)
        {
            Vector256<float> wanted = Vector256.Create(value);
            for (; i <= count - 8; i += 8)
            {
                int found = Avx.MoveMask(Avx.CompareEqual(Avx.LoadVector256(x + i), wanted));
                if (found != 0)
                {
                    return i + BitOperations.TrailingZeroCount(found);
                }
            }
        }
        for (; i < count; i++)
        {
            if (x[i] == value)
            {
                return i;
            }
        }
        return -1;
    }

    internal static float MaxScalar(float* x, nint count)
    {
        float most = float.NegativeInfinity;
        for (nint i = 0; i < count; i++)
        {
            most = x[i] > most ? x[i] : most;
        }
        return most;
    }

    internal static float MaxWide(float* x, nint count)
    {
        // vmaxps answers its second operand where either is NaN: the running maximum stays.
        Vector256<float> least = Vector256.Create(float.NegativeInfinity);
        Vector256<float> a = least;
        Vector256<float> b = least;
        nint i = 0;
        for (; i <= count - 16; i += 16)
        {
            a = Avx.Max(Avx.LoadVector256(x + i), a);
            b = Avx.Max(Avx.LoadVector256(x + i + 8), b);
        }
        for (; i < count; i += 8)
        {
            Vector256<float> mask = Eight.FirstLanes(Math.Min(count - i, 8));
            a = Avx.Max(Avx.BlendVariable(least, Avx.MaskLoad(x + i, mask), mask), a);
        }
        return Eight.Greatest(Avx.Max(a, b));
    }

    internal static bool AllFiniteScalar(float* x, nint count)
    {
        for (nint i = 0; i < count; i++)
        {
            if (!float.IsFinite(x[i]))
            {
                return false;
            }
        }
        return true;
    }

    internal static bool AllFiniteWide(float* x, nint count)
    {
        // x - x is 0 for finite elements and NaN for all others.
        nint i = 0;
        for (; i <= count - 32; i += 32)
        {
            Vector256<float> ab = Avx.Or(Difference(x + i), Difference(x + i + 8));
            Vector256<float> cd = Avx.Or(Difference(x + i + 16), Difference(x + i + 24));
            if (Avx.MoveMask(Avx.CompareUnordered(Avx.Or(ab, cd), Vector256<float>.Zero)) != 0)
            {
                return false;
            }
        }
        return AllFiniteScalar(x + i, count - i);
    }

    private static Vector256<float> Difference(float* x)
    {
        Vector256<float> v = Avx.LoadVector256(x);
        return Avx.Subtract(v, v);
    }
}
