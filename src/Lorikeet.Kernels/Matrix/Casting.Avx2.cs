using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Lorikeet.Kernels;

/// <summary>The conversions, eight numbers at a time, with integer shifts: .NET offers no F16C.</summary>
internal static unsafe class CastingAvx2
{
    private const int Sign16 = 0x8000;
    private const int Infinity16 = 0x7C00;

    /// <summary>Eight binary16 numbers, each in the upper half of its word (the lower half is ignored), to singles.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> HalfToSingle(Vector256<int> upper)
    {
        // Sign to bit 31, exponent and mantissa to bits 27 to 13: a single that is 2^112 too small, subnormals included, so the product is exact.
        Vector256<int> placed = Avx2.And(Avx2.ShiftRightArithmetic(upper, 3), Vector256.Create(unchecked((int)0x8FFFE000)));
        Vector256<float> value = Avx.Multiply(placed.AsSingle(), Vector256.Create((112 + 127) << 23).AsSingle());
        // Infinities and NaNs: exponent 31 must become 255; the mantissa is right already.
        Vector256<int> exponent = Vector256.Create(Infinity16 << 16);
        Vector256<int> special = Avx2.CompareEqual(Avx2.And(upper, exponent), exponent);
        return Avx.Or(value, Avx2.And(special, Vector256.Create(0x7F800000)).AsSingle());
    }

    /// <summary>Eight singles to binary16 numbers, each in the lower half of its word.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<int> SingleToHalf(Vector256<float> value)
    {
        Vector256<int> bits = value.AsInt32();
        Vector256<int> sign = Avx2.And(Avx2.ShiftRightLogical(bits, 16), Vector256.Create(Sign16));
        Vector256<int> magnitude = Avx2.And(bits, Vector256.Create(0x7FFFFFFF));
        // Normal results: change the bias and round by adding half a unit less one, and one more where the kept part is odd.
        Vector256<int> odd = Avx2.And(Avx2.ShiftRightLogical(magnitude, 13), Vector256.Create(1));
        Vector256<int> rounded = Avx2.Add(Avx2.Add(magnitude, Vector256.Create(unchecked(((15 - 127) << 23) + 0xFFF))), odd);
        rounded = Avx2.ShiftRightLogical(rounded, 13);
        // Subnormal results: adding 0.5 leaves 2^-24 as the last place, so the addition itself rounds to nearest even.
        Vector256<float> half = Vector256.Create(0.5f);
        Vector256<int> tiny = Avx2.Subtract(Avx.Add(magnitude.AsSingle(), half).AsInt32(), half.AsInt32());
        Vector256<int> isTiny = Avx2.CompareGreaterThan(Vector256.Create((127 - 14) << 23), magnitude);
        Vector256<int> result = Avx2.BlendVariable(rounded, tiny, isTiny);
        // 65520 and more round to infinity; a NaN becomes the quiet NaN.
        Vector256<int> tooLarge = Avx2.CompareGreaterThan(magnitude, Vector256.Create(((127 + 16) << 23) - 1));
        Vector256<int> isNaN = Avx2.CompareGreaterThan(magnitude, Vector256.Create(0x7F800000));
        result = Avx2.BlendVariable(result, Vector256.Create(Infinity16), tooLarge);
        result = Avx2.Or(result, Avx2.And(isNaN, Vector256.Create(0x7E00)));
        return Avx2.Or(result, sign);
    }

    /// <summary>Eight singles to bfloat16 numbers, each in the lower half of its word.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<int> SingleToBF16(Vector256<float> value)
    {
        Vector256<int> bits = value.AsInt32();
        Vector256<int> upper = Avx2.ShiftRightLogical(bits, 16);
        Vector256<int> rounded = Avx2.Add(Avx2.Add(bits, Vector256.Create(0x7FFF)), Avx2.And(upper, Vector256.Create(1)));
        Vector256<float> isNaN = Avx.CompareUnordered(value, value);
        Vector256<int> quiet = Avx2.Or(upper, Vector256.Create(0x40));
        return Avx2.BlendVariable(Avx2.ShiftRightLogical(rounded, 16), quiet, isNaN.AsInt32());
    }

    public static void Widen(ushort* from, ElementType type, float* to, int count)
    {
        int i = 0;
        if (type == ElementType.BF16)
        {
            for (; i + 8 <= count; i += 8)
            {
                Avx.Store(to + i, Avx2.ShiftLeftLogical(Avx2.ConvertToVector256Int32(from + i), 16).AsSingle());
            }
        }
        else
        {
            for (; i + 8 <= count; i += 8)
            {
                Avx.Store(to + i, HalfToSingle(Avx2.ShiftLeftLogical(Avx2.ConvertToVector256Int32(from + i), 16)));
            }
        }
        CastingScalar.Widen(from + i, type, to + i, count - i);
    }

    public static void Narrow(float* from, ElementType type, ushort* to, int count)
    {
        int i = 0;
        if (type == ElementType.BF16)
        {
            for (; i + 8 <= count; i += 8)
            {
                StoreLower(to + i, SingleToBF16(Avx.LoadVector256(from + i)));
            }
        }
        else
        {
            for (; i + 8 <= count; i += 8)
            {
                StoreLower(to + i, SingleToHalf(Avx.LoadVector256(from + i)));
            }
        }
        CastingScalar.Narrow(from + i, type, to + i, count - i);
    }

    // The eight lower halves as eight consecutive 16-bit numbers.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void StoreLower(ushort* to, Vector256<int> words) =>
        Sse2.Store(to, Sse41.PackUnsignedSaturate(words.GetLower(), words.GetUpper()));
}
