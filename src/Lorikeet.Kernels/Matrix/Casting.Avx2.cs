using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Lorikeet.Kernels;

/// <summary>The conversions, eight numbers at a time, with integer shifts: .NET offers no F16C.</summary>
internal static unsafe class CastingAvx2
{
    private const int Sign16 = 0x8000;
    private const int Infinity16 = 0x7C00;

    /// <summary>Eight binary16 numbers, each in the lower half of its word, to singles.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> HalfToSingle(Vector256<int> half)
    {
        Vector256<int> rebias = Vector256.Create((127 - 15) << 23);
        Vector256<int> magnitude = Avx2.And(half, Vector256.Create(0x7FFF));
        Vector256<int> sign = Avx2.ShiftLeftLogical(Avx2.And(half, Vector256.Create(Sign16)), 16);
        Vector256<int> normal = Avx2.Add(Avx2.ShiftLeftLogical(magnitude, 13), rebias);
        // Infinities and NaNs: exponent 31 must become 255, so the bias goes in twice.
        Vector256<int> special = Avx2.CompareGreaterThan(magnitude, Vector256.Create(Infinity16 - 1));
        normal = Avx2.Add(normal, Avx2.And(special, rebias));
        // Subnormals: with exponent 113 the number reads 2^-14 + m 2^-24; the subtraction is exact and normalises.
        Vector256<float> least = Vector256.Create((127 - 14) << 23).AsSingle();
        Vector256<float> small = Avx.Subtract(Avx2.Add(normal, Vector256.Create(1 << 23)).AsSingle(), least);
        Vector256<int> subnormal = Avx2.CompareGreaterThan(Vector256.Create(0x400), magnitude);
        Vector256<float> value = Avx.BlendVariable(normal.AsSingle(), small, subnormal.AsSingle());
        return Avx.Or(value, sign.AsSingle());
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
                Avx.Store(to + i, HalfToSingle(Avx2.ConvertToVector256Int32(from + i)));
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
