using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Lorikeet.Kernels;

/// <summary>How stored lanes of two neighbouring ks, an even one and the odd one after it, become vectors of singles.</summary>
/// <remarks>
/// Halves of a pair of ks lie side by side in one 32-bit word for each lane: the even k in the lower half, the odd one in the upper. A shift gives the
/// first, a mask the second, in vectors of any width; in plain order bfloat16 would take a shuffle more. Float32 lanes of one k lie in order, the odd k
/// <c>step</c> bytes on.
/// </remarks>
internal unsafe interface IElement
{
    /// <summary>How the elements are stored.</summary>
    static abstract ElementType Type { get; }

    /// <summary>Bytes of one element.</summary>
    static abstract int Size { get; }

    /// <summary>Eight lanes of the even k.</summary>
    static abstract Vector256<float> Even(byte* eight);

    /// <summary>Eight lanes of the odd k.</summary>
    static abstract Vector256<float> Odd(byte* eight, nint step);

    /// <summary>Sixteen lanes of the even k.</summary>
    static abstract Vector512<float> WideEven(byte* sixteen);

    /// <summary>Sixteen lanes of the odd k.</summary>
    static abstract Vector512<float> WideOdd(byte* sixteen, nint step);
}

internal readonly unsafe struct F32Element : IElement
{
    public static ElementType Type => ElementType.F32;

    public static int Size => sizeof(float);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> Even(byte* eight) => Avx.LoadVector256((float*)eight);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> Odd(byte* eight, nint step) => Avx.LoadVector256((float*)(eight + step));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> WideEven(byte* sixteen) => Avx512F.LoadVector512((float*)sixteen);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> WideOdd(byte* sixteen, nint step) => Avx512F.LoadVector512((float*)(sixteen + step));
}

internal readonly unsafe struct BF16Element : IElement
{
    public static ElementType Type => ElementType.BF16;

    public static int Size => sizeof(ushort);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> Even(byte* eight) => Avx2.ShiftLeftLogical(Avx.LoadVector256((int*)eight), 16).AsSingle();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> Odd(byte* eight, nint step) =>
        Avx2.And(Avx.LoadVector256((int*)eight), Vector256.Create(unchecked((int)0xFFFF0000))).AsSingle();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> WideEven(byte* sixteen) => Avx512F.ShiftLeftLogical(Avx512F.LoadVector512((int*)sixteen), 16).AsSingle();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> WideOdd(byte* sixteen, nint step) =>
        Avx512F.And(Avx512F.LoadVector512((int*)sixteen), Vector512.Create(unchecked((int)0xFFFF0000))).AsSingle();
}

internal readonly unsafe struct F16Element : IElement
{
    public static ElementType Type => ElementType.F16;

    public static int Size => sizeof(ushort);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> Even(byte* eight) => CastingAvx2.HalfToSingle(Avx2.ShiftLeftLogical(Avx.LoadVector256((int*)eight), 16));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> Odd(byte* eight, nint step) => CastingAvx2.HalfToSingle(Avx.LoadVector256((int*)eight));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> WideEven(byte* sixteen) =>
        CastingAvx512.HalfToSingle(Avx512F.ShiftLeftLogical(Avx512F.LoadVector512((int*)sixteen), 16));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> WideOdd(byte* sixteen, nint step) => CastingAvx512.HalfToSingle(Avx512F.LoadVector512((int*)sixteen));
}
