namespace Lorikeet.Kernels;

/// <summary>Rounding to bfloat16 up or down by chance, so that the mean of many roundings is the number: steps below half a unit are not lost.</summary>
public static class StochasticRounding
{
    /// <summary>Adds 16 random bits to a single's bits and drops the low 16; NaN and infinities pass.</summary>
    /// <param name="value">The number.</param>
    /// <param name="random">16 random bits.</param>
    /// <returns>The bits of a bfloat16.</returns>
    public static ushort ToBF16(float value, ushort random)
    {
        uint bits = BitConverter.SingleToUInt32Bits(value);
        if (!float.IsFinite(value))
        {
            return (ushort)((bits >> 16) | (float.IsNaN(value) ? 0x40u : 0u));
        }
        return (ushort)((bits + random) >> 16);
    }
}
