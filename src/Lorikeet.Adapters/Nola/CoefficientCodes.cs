namespace Lorikeet.Adapters;

/// <summary>Symmetric integer codes of a coefficient vector with one scale: code = round(x L / (max|x| + 1e-8)), x = code max|x| / L.</summary>
/// <remarks>
/// L is 127 (8 bits) or 7 (4 bits). Source: normalize_int and unnormalize_int of github.com/UCDvision/NOLA, vit/utils/utils.py; the rounding
/// between them is ours, half to even.
/// </remarks>
public static class CoefficientCodes
{
    /// <summary>The largest code of a width: 127 or 7.</summary>
    /// <param name="bits">8 or 4.</param>
    public static int Levels(int bits) => bits switch
    {
        8 => 127,
        4 => 7,
        _ => throw new ArgumentOutOfRangeException(nameof(bits), bits, "coefficients are kept in 8 or 4 bits"),
    };

    /// <summary>Makes codes.</summary>
    /// <param name="values">The coefficients.</param>
    /// <param name="bits">8 or 4.</param>
    /// <param name="codes">Receives one code each.</param>
    /// <returns>max|x|, the scale to keep.</returns>
    public static float Encode(ReadOnlySpan<float> values, int bits, Span<sbyte> codes)
    {
        int levels = Levels(bits);
        float largest = 0;
        foreach (float value in values)
        {
            largest = Math.Max(largest, Math.Abs(value));
        }
        for (int i = 0; i < values.Length; i++)
        {
            codes[i] = (sbyte)Math.Round((double)values[i] * levels / (largest + 1e-8), MidpointRounding.ToEven);
        }
        return largest;
    }

    /// <summary>Restores coefficients.</summary>
    /// <param name="codes">The codes.</param>
    /// <param name="bits">8 or 4.</param>
    /// <param name="largest">The scale.</param>
    /// <param name="values">Receives them.</param>
    public static void Decode(ReadOnlySpan<sbyte> codes, int bits, float largest, Span<float> values)
    {
        double levels = Levels(bits);
        for (int i = 0; i < codes.Length; i++)
        {
            values[i] = (float)(codes[i] * (double)largest / levels);
        }
    }

    /// <summary>Two 4-bit codes a byte, the first in the low half, each plus 8.</summary>
    /// <param name="codes">Codes -7 to 7.</param>
    public static byte[] Pack(ReadOnlySpan<sbyte> codes)
    {
        byte[] packed = new byte[(codes.Length + 1) / 2];
        for (int i = 0; i < codes.Length; i++)
        {
            packed[i / 2] |= (byte)((codes[i] + 8) << (4 * (i % 2)));
        }
        return packed;
    }

    /// <summary>Undoes <see cref="Pack"/>.</summary>
    /// <param name="packed">The bytes.</param>
    /// <param name="codes">Receives the codes.</param>
    public static void Unpack(ReadOnlySpan<byte> packed, Span<sbyte> codes)
    {
        for (int i = 0; i < codes.Length; i++)
        {
            codes[i] = (sbyte)(((packed[i / 2] >> (4 * (i % 2))) & 15) - 8);
        }
    }
}
