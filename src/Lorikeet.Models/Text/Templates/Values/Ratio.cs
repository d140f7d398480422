using System.Numerics;

namespace Lorikeet.Models.Text.Templates;

/// <summary>Whole numbers and their ratios as floats, rounded to the nearest (ties to even), as Python rounds them.</summary>
internal static class Ratio
{
    /// <exception cref="TemplateException">The number is larger than any float.</exception>
    public static double ToDouble(BigInteger value) =>
        BigInteger.Abs(value) <= 1L << 53 ? (double)value : Round(value, BigInteger.One, "int too large to convert to float");

    public static double ToDouble(BigInteger above, BigInteger below) =>
        BigInteger.Abs(above) <= 1L << 53 && BigInteger.Abs(below) <= 1L << 53
            ? (double)above / (double)below
            : Round(above, below, "integer division result too large for a float");

    private static double Round(BigInteger above, BigInteger below, string tooLarge)
    {
        if (above.IsZero)
        {
            return 0;
        }
        bool negative = above.Sign != below.Sign;
        above = BigInteger.Abs(above);
        below = BigInteger.Abs(below);
        // A quotient of 66 or 67 bits, whose last bit says whether anything is left.
        long shift = 66 - (above.GetBitLength() - below.GetBitLength());
        BigInteger quotient = shift >= 0
            ? BigInteger.DivRem(above << (int)shift, below, out BigInteger rest)
            : BigInteger.DivRem(above, below << (int)-shift, out rest);
        quotient = (quotient << 1) | (rest.IsZero ? 0 : 1);
        long exponent = -shift - 1;
        long top = quotient.GetBitLength() + exponent - 1;
        if (top > 1023)
        {
            throw Raise.Runtime(tooLarge);
        }
        // Below 2^-1022 the last bit kept is 2^-1074.
        int drop = (int)Math.Max(quotient.GetBitLength() - 53, -1074 - exponent);
        BigInteger kept = quotient >> drop, half = BigInteger.One << (drop - 1), lost = quotient - (kept << drop);
        if (lost > half || (lost == half && !kept.IsEven))
        {
            kept += 1;
        }
        double value = Math.ScaleB((double)(ulong)kept, (int)(exponent + drop));
        return double.IsInfinity(value) ? throw Raise.Runtime(tooLarge) : negative ? -value : value;
    }
}
