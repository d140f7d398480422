using System.Globalization;
using System.Numerics;

namespace Lorikeet.Models.Text.Templates;

/// <summary>Floats as text: the shortest that reads back, and exactly rounded decimals.</summary>
internal static class FloatText
{
    private const int MostDecimals = 1100;

    /// <summary>What Python's <c>repr</c> gives.</summary>
    public static string Shortest(double value)
    {
        if (!double.IsFinite(value))
        {
            return double.IsNaN(value) ? "nan" : value > 0 ? "inf" : "-inf";
        }
        // "E16" would not be the shortest; "R" is, in one of two layouts.
        string round = value.ToString("R", CultureInfo.InvariantCulture);
        string sign = round.StartsWith('-') ? "-" : "";
        round = round[sign.Length..];
        int e = round.IndexOf('E', StringComparison.Ordinal);
        int exponent = e < 0 ? 0 : int.Parse(round.AsSpan(e + 1), NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture);
        string mantissa = e < 0 ? round : round[..e];
        int dot = mantissa.IndexOf('.', StringComparison.Ordinal);
        int point = (dot < 0 ? mantissa.Length : dot) + exponent;
        string digits = mantissa.Replace(".", "", StringComparison.Ordinal);
        string lead = digits.TrimStart('0');
        point -= digits.Length - lead.Length;
        digits = lead.TrimEnd('0');
        return digits.Length == 0 ? sign + "0.0" : sign + Layout(digits, point);
    }

    /// <summary>Rounds |value| to so many decimals, ties of the exact value to even: the digits without a point.</summary>
    public static BigInteger Scaled(double value, int decimals)
    {
        (BigInteger above, BigInteger below) = Exact(value);
        if (decimals >= 0)
        {
            above *= BigInteger.Pow(10, decimals);
        }
        else
        {
            below *= BigInteger.Pow(10, -decimals);
        }
        BigInteger whole = BigInteger.DivRem(above, below, out BigInteger rest);
        int half = (rest * 2).CompareTo(below);
        return half > 0 || (half == 0 && !whole.IsEven) ? whole + 1 : whole;
    }

    /// <summary><c>%f</c> of |value|: so many digits behind the point.</summary>
    public static string Fixed(double value, int decimals)
    {
        // No float has more decimals than 1074; what is asked for beyond is zeros.
        int real = Math.Min(decimals, MostDecimals);
        string digits = Scaled(value, real).ToString(CultureInfo.InvariantCulture).PadLeft(real + 1, '0');
        return decimals == 0 ? digits : $"{digits[..^real]}.{digits[^real..]}{new string('0', decimals - real)}";
    }

    /// <summary>The first digits of |value|, rounded, and the exponent of the first.</summary>
    public static (string Digits, int Exponent) Leading(double value, int count)
    {
        if (value == 0)
        {
            return (new string('0', count), 0);
        }
        if (count > MostDecimals)
        {
            (string first, int power) = Leading(value, MostDecimals);
            return (first.PadRight(count, '0'), power);
        }
        // The logarithm may be off by one near powers of ten.
        int exponent = (int)Math.Floor(Math.Log10(Math.Abs(value))) + 1;
        while (!Reaches(value, exponent))
        {
            exponent--;
        }
        string digits = Scaled(value, count - 1 - exponent).ToString(CultureInfo.InvariantCulture);
        // 9.99 rounds up to a digit more.
        return digits.Length > count ? (digits[..count], exponent + 1) : (digits, exponent);
    }

    private static bool Reaches(double value, int exponent)
    {
        (BigInteger above, BigInteger below) = Exact(value);
        return exponent >= 0 ? above >= below * BigInteger.Pow(10, exponent) : above * BigInteger.Pow(10, -exponent) >= below;
    }

    private static (BigInteger Above, BigInteger Below) Exact(double value)
    {
        long bits = BitConverter.DoubleToInt64Bits(value);
        int exponent = (int)((bits >> 52) & 0x7FF);
        long mantissa = bits & ((1L << 52) - 1);
        (mantissa, exponent) = exponent == 0 ? (mantissa, -1074) : (mantissa | (1L << 52), exponent - 1075);
        return exponent >= 0 ? ((BigInteger)mantissa << exponent, BigInteger.One) : (mantissa, BigInteger.One << -exponent);
    }

    private static string Layout(string digits, int point)
    {
        if (point is > 16 or < -3)
        {
            int exponent = point - 1;
            string rest = digits.Length > 1 ? "." + digits[1..] : "";
            return $"{digits[0]}{rest}e{(exponent < 0 ? '-' : '+')}{Math.Abs(exponent).ToString("00", CultureInfo.InvariantCulture)}";
        }
        return point <= 0 ? "0." + new string('0', -point) + digits
            : digits.Length <= point ? digits.PadRight(point, '0') + ".0"
            : $"{digits[..point]}.{digits[point..]}";
    }
}
