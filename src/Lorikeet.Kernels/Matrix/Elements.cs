using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Lorikeet.Kernels;

/// <summary>How the sixteen lanes of one k of a packed matrix become two vectors of singles.</summary>
/// <remarks>
/// Halves are stored as eight pairs: lane l in the lower, lane 8+l in the upper half of the l-th 32-bit word. One load, one shift and one mask
/// then give sixteen bfloat16 numbers; in plain order they would take two loads, two shuffles and two shifts.
/// </remarks>
internal unsafe interface IElement
{
    /// <summary>Bytes of one element.</summary>
    static abstract int Size { get; }

    /// <summary>Lanes 0 to 7.</summary>
    static abstract Vector256<float> Low(byte* sixteen);

    /// <summary>Lanes 8 to 15.</summary>
    static abstract Vector256<float> High(byte* sixteen);
}

internal readonly unsafe struct F32Element : IElement
{
    public static int Size => sizeof(float);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> Low(byte* sixteen) => Avx.LoadVector256((float*)sixteen);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> High(byte* sixteen) => Avx.LoadVector256((float*)sixteen + 8);
}

internal readonly unsafe struct BF16Element : IElement
{
    public static int Size => sizeof(ushort);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> Low(byte* sixteen) => Avx2.ShiftLeftLogical(Avx.LoadVector256((int*)sixteen), 16).AsSingle();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> High(byte* sixteen) =>
        Avx2.And(Avx.LoadVector256((int*)sixteen), Vector256.Create(unchecked((int)0xFFFF0000))).AsSingle();
}

internal readonly unsafe struct F16Element : IElement
{
    public static int Size => sizeof(ushort);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> Low(byte* sixteen) =>
        CastingAvx2.HalfToSingle(Avx2.ShiftLeftLogical(Avx.LoadVector256((int*)sixteen), 16));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> High(byte* sixteen) => CastingAvx2.HalfToSingle(Avx.LoadVector256((int*)sixteen));
}
