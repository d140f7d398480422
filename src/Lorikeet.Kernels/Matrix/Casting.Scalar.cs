namespace Lorikeet.Kernels;

/// <summary>The reference of the conversions: one number at a time.</summary>
internal static unsafe class CastingScalar
{
    public static float Widen(ushort bits, ElementType type) => type == ElementType.BF16
        ? BitConverter.UInt32BitsToSingle((uint)bits << 16)
        : (float)BitConverter.UInt16BitsToHalf(bits);

    public static ushort Narrow(float value, ElementType type) => type == ElementType.BF16
        ? NarrowToBF16(value)
        : BitConverter.HalfToUInt16Bits((Half)value);

    public static void Widen(ushort* from, ElementType type, float* to, int count)
    {
        for (int i = 0; i < count; i++)
        {
            to[i] = Widen(from[i], type);
        }
    }

    public static void Narrow(float* from, ElementType type, ushort* to, int count)
    {
        for (int i = 0; i < count; i++)
        {
            to[i] = Narrow(from[i], type);
        }
    }

    private static ushort NarrowToBF16(float value)
    {
        uint bits = BitConverter.SingleToUInt32Bits(value);
        if (float.IsNaN(value))
        {
            // The payload's upper bits may be zero, which would read as an infinity: set the quiet bit.
            return (ushort)((bits >> 16) | 0x40);
        }
        // Half a unit less one, and one more where the kept part is odd: ties go to even; a carry into the exponent is right, infinity included.
        return (ushort)((bits + 0x7FFF + ((bits >> 16) & 1)) >> 16);
    }
}
