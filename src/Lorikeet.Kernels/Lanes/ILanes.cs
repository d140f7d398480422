namespace Lorikeet.Kernels;

/// <summary>A pack of floats that a formula is written over once and computed with one lane (<see cref="One"/>) or eight
/// (<see cref="Eight"/>).</summary>
/// <remarks>Every operation rounds the same way in both, so a formula gives an element the same bits wherever it stands in a
/// span.</remarks>
internal unsafe interface ILanes<T>
    where T : unmanaged, ILanes<T>
{
    /// <summary>How many.</summary>
    static abstract int Count { get; }

    static abstract T operator +(T left, T right);

    static abstract T operator -(T left, T right);

    static abstract T operator *(T left, T right);

    static abstract T operator /(T left, T right);

    /// <summary>Every lane holds the value.</summary>
    static abstract T Splat(float value);

    static abstract T Load(float* from);

    /// <summary>From bfloat16.</summary>
    static abstract T LoadBF16(ushort* from);

    /// <summary>From 8-bit codes.</summary>
    static abstract T LoadCodes(sbyte* from);

    static abstract void Store(T value, float* to);

    /// <summary><c>a b + c</c>, rounded once.</summary>
    static abstract T MultiplyAdd(T a, T b, T c);

    /// <summary><c>a &gt; b ? a : b</c>: the second where either is NaN.</summary>
    static abstract T Max(T a, T b);

    static abstract T Abs(T value);

    /// <summary>The magnitude of one with the sign bit of the other.</summary>
    static abstract T CopySign(T magnitude, T sign);

    /// <summary><c>a &lt; b ? then : otherwise</c>; NaN compares false.</summary>
    static abstract T IfLess(T a, T b, T then, T otherwise);

    /// <summary>Multiplies by 2^n, where n sits in the low bits of <paramref name="shifted"/> = n + 1.5 * 2^23; no check for
    /// overflow.</summary>
    static abstract T TimesPowerOfTwo(T value, T shifted);
}
