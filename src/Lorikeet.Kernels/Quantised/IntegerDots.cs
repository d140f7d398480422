using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Lorikeet.Kernels;

/// <summary>How products of unsigned codes and signed activations are summed up to the exact integer: one way for each instruction set and width of codes.</summary>
internal interface IIntegerDot
{
    /// <summary>Brings a vector of codes into the form that <see cref="Add"/> reads, once for all rows of a tile.</summary>
    static abstract Vector256<byte> Left(Vector256<byte> codes);

    /// <summary>The sum before any product; <paramref name="correction"/> = -zero * sum of the activations, in each lane.</summary>
    static abstract Vector256<int> Begin(Vector256<int> correction);

    /// <summary>Adds the products of 4 inputs of 8 outputs.</summary>
    static abstract Vector256<int> Add(Vector256<int> sum, Vector256<byte> left, Vector256<int> x);

    /// <summary>The sum as 8 integers of 32 bits, corrected.</summary>
    static abstract Vector256<int> End(Vector256<int> sum, Vector256<int> correction);
}

/// <summary>AVX-VNNI: VPDPBUSD multiplies bytes and adds four products to 32 bits, without saturation between.</summary>
internal readonly struct VnniDot : IIntegerDot
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<byte> Left(Vector256<byte> codes) => codes;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<int> Begin(Vector256<int> correction) => correction;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<int> Add(Vector256<int> sum, Vector256<byte> left, Vector256<int> x) => AvxVnni.MultiplyWideningAndAdd(sum, left, x.AsSByte());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<int> End(Vector256<int> sum, Vector256<int> correction) => sum;
}

/// <summary>AVX2, codes below 16: pairs of products (at most 2 * 15 * 127) are summed up in 16 bits over 8 steps (at most 30,480) and widened once.</summary>
internal readonly struct NarrowDot : IIntegerDot
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<byte> Left(Vector256<byte> codes) => codes;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<int> Begin(Vector256<int> correction) => Vector256<int>.Zero;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<int> Add(Vector256<int> sum, Vector256<byte> left, Vector256<int> x) =>
        (sum.AsInt16() + Avx2.MultiplyAddAdjacent(left, x.AsSByte())).AsInt32();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<int> End(Vector256<int> sum, Vector256<int> correction) =>
        Avx2.MultiplyAddAdjacent(sum.AsInt16(), Vector256.Create((short)1)) + correction;
}

/// <summary>AVX2, codes below 128: a pair of products (at most 2 * 127 * 127) fits 16 bits and is widened at once.</summary>
internal readonly struct PairDot : IIntegerDot
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<byte> Left(Vector256<byte> codes) => codes;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<int> Begin(Vector256<int> correction) => correction;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<int> Add(Vector256<int> sum, Vector256<byte> left, Vector256<int> x) =>
        sum + Avx2.MultiplyAddAdjacent(Avx2.MultiplyAddAdjacent(left, x.AsSByte()), Vector256.Create((short)1));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<int> End(Vector256<int> sum, Vector256<int> correction) => sum;
}

/// <summary>AVX2, codes of 8 bits: VPMADDUBSW would saturate, so signed values multiply as |w| and x with w's sign (at most 2 * 128 * 127).</summary>
internal readonly struct SignedDot : IIntegerDot
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<byte> Left(Vector256<byte> codes) => codes ^ Vector256.Create((byte)0x80);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<int> Begin(Vector256<int> correction) => Vector256<int>.Zero;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<int> Add(Vector256<int> sum, Vector256<byte> left, Vector256<int> x)
    {
        Vector256<sbyte> signed = left.AsSByte();
        Vector256<short> pairs = Avx2.MultiplyAddAdjacent(Avx2.Abs(signed), Avx2.Sign(x.AsSByte(), signed));
        return sum + Avx2.MultiplyAddAdjacent(pairs, Vector256.Create((short)1));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<int> End(Vector256<int> sum, Vector256<int> correction) => sum;
}
