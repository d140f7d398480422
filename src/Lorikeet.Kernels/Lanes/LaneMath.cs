using System.Runtime.CompilerServices;

namespace Lorikeet.Kernels;

/// <summary>The transcendental functions of every kernel, each one formula for one lane and for eight.</summary>
internal static class LaneMath
{
    /// <summary>
    /// e^x to 2 ulp: x = n ln 2 + r with |r| &lt;= ln 2 / 2, a polynomial of degree 7 in r (Cephes, expf.c), and n added to the exponent.
    /// Below -87.3 the result is 0 (subnormal tails would cost a hundred cycles each), above 88.72283 infinity; NaN stays NaN.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T Exp<T>(T x)
        where T : unmanaged, ILanes<T>
    {
        // Adding 1.5 * 2^23 rounds to an integer and leaves it in the low bits.
        T magic = T.Splat(12582912f);
        T shifted = T.MultiplyAdd(x, T.Splat(1.44269504f), magic);
        T n = shifted - magic;
        T r = T.MultiplyAdd(n, T.Splat(-0.693359375f), x);
        r = T.MultiplyAdd(n, T.Splat(2.12194440e-4f), r);
        T p = T.MultiplyAdd(T.Splat(1.9875691500e-4f), r, T.Splat(1.3981999507e-3f));
        p = T.MultiplyAdd(p, r, T.Splat(8.3334519073e-3f));
        p = T.MultiplyAdd(p, r, T.Splat(4.1665795894e-2f));
        p = T.MultiplyAdd(p, r, T.Splat(1.6666665459e-1f));
        p = T.MultiplyAdd(p, r, T.Splat(5.0000001201e-1f));
        p = T.MultiplyAdd(p, r * r, r) + T.Splat(1f);
        // The comparison is false for NaN, and NaN times infinity is NaN.
        p = T.IfLess(x, T.Splat(88.72284f), T.TimesPowerOfTwo(p, shifted), x * T.Splat(float.PositiveInfinity));
        return T.IfLess(x, T.Splat(-87.3f), T.Splat(0f), p);
    }

    /// <summary>1 / (1 + e^-x).</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T Sigmoid<T>(T x)
        where T : unmanaged, ILanes<T> => T.Splat(1f) / (T.Splat(1f) + Exp(T.Splat(0f) - x));

    /// <summary>tanh to 3 ulp: an odd polynomial below 0.625 (Cephes, tanhf.c), 1 - 2 / (e^2|x| + 1) above.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T Tanh<T>(T x)
        where T : unmanaged, ILanes<T>
    {
        T size = T.Abs(x);
        T z = x * x;
        T p = T.MultiplyAdd(T.Splat(-5.70498872745e-3f), z, T.Splat(2.06390887954e-2f));
        p = T.MultiplyAdd(p, z, T.Splat(-5.37397155531e-2f));
        p = T.MultiplyAdd(p, z, T.Splat(1.33314422036e-1f));
        p = T.MultiplyAdd(p, z, T.Splat(-3.33332819422e-1f));
        T small = T.MultiplyAdd(p * z, x, x);
        T large = T.Splat(1f) - (T.Splat(2f) / (Exp(size + size) + T.Splat(1f)));
        return T.IfLess(size, T.Splat(0.625f), small, T.CopySign(large, x));
    }

    /// <summary>
    /// The error function to 2 ulp: an odd polynomial below 0.9277, 1 - e^q(|x|) above. Coefficients by N. Juffa
    /// (stackoverflow.com/q/35148198).
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T Erf<T>(T x)
        where T : unmanaged, ILanes<T>
    {
        T t = T.Abs(x);
        T s = x * x;
        T r = T.MultiplyAdd(T.Splat(-1.72853470e-5f), t, T.Splat(3.83197126e-4f));
        T u = T.MultiplyAdd(T.Splat(-3.88396438e-3f), t, T.Splat(2.42546219e-2f));
        r = T.MultiplyAdd(r, s, u);
        r = T.MultiplyAdd(r, t, T.Splat(-1.06777877e-1f));
        r = T.MultiplyAdd(r, t, T.Splat(-6.34846687e-1f));
        r = T.MultiplyAdd(r, t, T.Splat(-1.28717512e-1f));
        r = T.MultiplyAdd(r, t, T.Splat(0f) - t);
        T large = T.CopySign(T.Splat(1f) - Exp(r), x);
        T p = T.MultiplyAdd(T.Splat(-5.96761703e-4f), s, T.Splat(4.99119423e-3f));
        p = T.MultiplyAdd(p, s, T.Splat(-2.67681349e-2f));
        p = T.MultiplyAdd(p, s, T.Splat(1.12819925e-1f));
        p = T.MultiplyAdd(p, s, T.Splat(-3.76125336e-1f));
        p = T.MultiplyAdd(p, s, T.Splat(1.28379166e-1f));
        T small = T.MultiplyAdd(p, x, x);
        return T.IfLess(T.Splat(0.927734375f), t, large, small);
    }
}
