using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Lorikeet.Kernels;

/// <summary>The conversions that matrix products need, sixteen numbers at a time; whole arrays are converted eight at a time, bound by memory either way.</summary>
internal static class CastingAvx512
{
    /// <summary>Sixteen binary16 numbers, each in the upper half of its word (the lower half is ignored), to singles.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> HalfToSingle(Vector512<int> upper)
    {
        // As CastingAvx2.HalfToSingle.
        Vector512<int> placed = Avx512F.And(Avx512F.ShiftRightArithmetic(upper, 3), Vector512.Create(unchecked((int)0x8FFFE000)));
        Vector512<float> value = Avx512F.Multiply(placed.AsSingle(), Vector512.Create((112 + 127) << 23).AsSingle());
        Vector512<int> exponent = Vector512.Create(0x7C000000);
        Vector512<int> special = Avx512F.CompareEqual(Avx512F.And(upper, exponent), exponent);
        return Vector512.ConditionalSelect(special, Avx512F.Or(value.AsInt32(), Vector512.Create(0x7F800000)), value.AsInt32()).AsSingle();
    }
}
