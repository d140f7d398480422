using System.Runtime.CompilerServices;

namespace Lorikeet.Kernels;

internal readonly struct ExpOperator : IUnary
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public T Invoke<T>(T x)
        where T : unmanaged, ILanes<T> => LaneMath.Exp(x);
}

internal readonly struct ExpBackwardOperator : IBinary
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public T Invoke<T>(T x, T dy)
        where T : unmanaged, ILanes<T> => dy * LaneMath.Exp(x);
}

internal readonly struct SigmoidOperator : IUnary
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public T Invoke<T>(T x)
        where T : unmanaged, ILanes<T> => LaneMath.Sigmoid(x);
}

internal readonly struct SigmoidBackwardOperator : IBinary
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public T Invoke<T>(T x, T dy)
        where T : unmanaged, ILanes<T>
    {
        T s = LaneMath.Sigmoid(x);
        return dy * (s * (T.Splat(1f) - s));
    }
}

internal readonly struct TanhOperator : IUnary
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public T Invoke<T>(T x)
        where T : unmanaged, ILanes<T> => LaneMath.Tanh(x);
}

internal readonly struct TanhBackwardOperator : IBinary
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public T Invoke<T>(T x, T dy)
        where T : unmanaged, ILanes<T>
    {
        T y = LaneMath.Tanh(x);
        return dy * (T.Splat(1f) - (y * y));
    }
}

internal readonly struct ReluOperator : IUnary
{
    // 0 < x is false for NaN, which must not become 0: the comparison asks for x < 0.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public T Invoke<T>(T x)
        where T : unmanaged, ILanes<T> => T.IfLess(x, T.Splat(0f), T.Splat(0f), x);
}

internal readonly struct ReluBackwardOperator : IBinary
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public T Invoke<T>(T x, T dy)
        where T : unmanaged, ILanes<T> => T.IfLess(T.Splat(0f), x, dy, T.Splat(0f));
}

internal readonly struct SiluOperator : IUnary
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public T Invoke<T>(T x)
        where T : unmanaged, ILanes<T> => x * LaneMath.Sigmoid(x);
}

internal readonly struct SiluBackwardOperator : IBinary
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public T Invoke<T>(T x, T dy)
        where T : unmanaged, ILanes<T> => dy * Slope(x, LaneMath.Sigmoid(x));

    /// <summary>d(x s)/dx with s = sigmoid(x): s (1 + x (1 - s)).</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T Slope<T>(T x, T s)
        where T : unmanaged, ILanes<T> => s * T.MultiplyAdd(x, T.Splat(1f) - s, T.Splat(1f));
}

internal readonly struct QuickGeluOperator : IUnary
{
    public const float Slope = 1.702f;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public T Invoke<T>(T x)
        where T : unmanaged, ILanes<T> => x * LaneMath.Sigmoid(x * T.Splat(Slope));
}

internal readonly struct QuickGeluBackwardOperator : IBinary
{
    // With z = 1.702 x, x sigmoid(z) is silu(z) / 1.702: its slope at x is silu's at z.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public T Invoke<T>(T x, T dy)
        where T : unmanaged, ILanes<T>
    {
        T z = x * T.Splat(QuickGeluOperator.Slope);
        return dy * SiluBackwardOperator.Slope(z, LaneMath.Sigmoid(z));
    }
}

internal readonly struct GeluOperator : IUnary
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public T Invoke<T>(T x)
        where T : unmanaged, ILanes<T> => x * Share(x);

    /// <summary>The normal distribution function, (1 + erf(x / sqrt 2)) / 2.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T Share<T>(T x)
        where T : unmanaged, ILanes<T> =>
        T.MultiplyAdd(T.Splat(0.5f), LaneMath.Erf(x * T.Splat(0.70710678f)), T.Splat(0.5f));
}

internal readonly struct GeluBackwardOperator : IBinary
{
    // d/dx = P(x) + x p(x), p the normal density.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public T Invoke<T>(T x, T dy)
        where T : unmanaged, ILanes<T>
    {
        T density = T.Splat(0.39894228f) * LaneMath.Exp(x * x * T.Splat(-0.5f));
        return dy * T.MultiplyAdd(x, density, GeluOperator.Share(x));
    }
}

/// <summary>(1 + tanh u) / 2 = sigmoid(2u), with u = sqrt(2/pi) (x + 0.044715 x^3): one exponential, and no cancellation for negative
/// x.</summary>
internal readonly struct GeluTanhOperator : IUnary
{
    private const float Twice = 1.5957691216f;
    private const float Cubic = 0.044715f;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public T Invoke<T>(T x)
        where T : unmanaged, ILanes<T> => x * Share(x);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T Share<T>(T x)
        where T : unmanaged, ILanes<T> =>
        LaneMath.Sigmoid(T.Splat(Twice) * x * T.MultiplyAdd(T.Splat(Cubic), x * x, T.Splat(1f)));

    /// <summary>d(2u)/dx.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T Inner<T>(T x)
        where T : unmanaged, ILanes<T> => T.MultiplyAdd(T.Splat(3f * Cubic * Twice), x * x, T.Splat(Twice));
}

internal readonly struct GeluTanhBackwardOperator : IBinary
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public T Invoke<T>(T x, T dy)
        where T : unmanaged, ILanes<T>
    {
        T s = GeluTanhOperator.Share(x);
        return dy * T.MultiplyAdd(x * GeluTanhOperator.Inner(x), s * (T.Splat(1f) - s), s);
    }
}

internal readonly struct SwiGluOperator : IBinary
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public T Invoke<T>(T gate, T up)
        where T : unmanaged, ILanes<T> => gate * LaneMath.Sigmoid(gate) * up;
}
