namespace Lorikeet.Kernels;

/// <summary>Numbers of 8 bits: e4m3fn and e5m2 of the Open Compute Project, rounded to nearest even.</summary>
/// <remarks>
/// e4m3fn has no infinity: what is larger than 448 becomes 448, infinity too, and only 0x7F and 0xFF are NaN. e5m2 is a half's upper byte: what is too large
/// becomes infinity. Source: Micikevicius et al., arXiv 2209.05433; OCP 8-bit floating point specification 1.0.
/// </remarks>
public static class Float8
{
    /// <summary>Four bits of exponent, three of fraction.</summary>
    /// <param name="value">The number.</param>
    public static byte ToE4M3(float value)
    {
        int sign = float.IsNegative(value) ? 0x80 : 0;
        return (byte)(sign | (float.IsNaN(value) ? 0x7F : Math.Min(Bits(MathF.Abs(value), fraction: 3, bias: 7), 0x7E)));
    }

    /// <summary>Five bits of exponent, two of fraction.</summary>
    /// <param name="value">The number.</param>
    public static byte ToE5M2(float value)
    {
        int sign = float.IsNegative(value) ? 0x80 : 0;
        return (byte)(sign | (float.IsNaN(value) ? 0x7F : Math.Min(Bits(MathF.Abs(value), fraction: 2, bias: 15), 0x7C)));
    }

    /// <summary>The number of an e4m3fn code.</summary>
    /// <param name="code">The code.</param>
    public static float FromE4M3(byte code) => (code & 0x7F) == 0x7F ? float.NaN : Value(code, fraction: 3, bias: 7);

    /// <summary>The number of an e5m2 code.</summary>
    /// <param name="code">The code.</param>
    public static float FromE5M2(byte code) => (code & 0x7F) switch
    {
        > 0x7C => float.NaN,
        0x7C => (code & 0x80) != 0 ? float.NegativeInfinity : float.PositiveInfinity,
        _ => Value(code, fraction: 2, bias: 15),
    };

    private static int Bits(float magnitude, int fraction, int bias)
    {
        if (float.IsPositiveInfinity(magnitude))
        {
            return int.MaxValue;
        }
        // The unit of the last place; below the smallest normal number it stays.
        int exponent = Math.Max(magnitude == 0 ? int.MinValue : Math.ILogB(magnitude), 1 - bias);
        double units = Math.Round(Math.ScaleB(magnitude, fraction - exponent), MidpointRounding.ToEven);
        // A carry into the next exponent is a carry in the bits; what is not normal has no leading one to take off.
        return (int)units + ((exponent + bias - 1) << fraction);
    }

    private static float Value(byte code, int fraction, int bias)
    {
        int exponent = (code & 0x7F) >> fraction, rest = code & ((1 << fraction) - 1);
        double magnitude = exponent == 0 ? Math.ScaleB(rest, 1 - bias - fraction) : Math.ScaleB(rest + (1 << fraction), exponent - bias - fraction);
        return (float)((code & 0x80) != 0 ? -magnitude : magnitude);
    }
}
