using System.Globalization;
using System.Numerics;

namespace Lorikeet.Models.Text.Templates;

/// <summary>Numbers by a <see cref="FormatSpec"/>.</summary>
internal static class NumberFormat
{
    public static string Integer(FormatSpec spec, BigInteger value)
    {
        if (spec.Type is 'e' or 'E' or 'f' or 'F' or 'g' or 'G' or '%')
        {
            return Float(spec, Ratio.ToDouble(value));
        }
        if (spec.Precision >= 0)
        {
            throw Raise.Runtime("Precision not allowed in integer format specifier");
        }
        BigInteger size = BigInteger.Abs(value);
        (string prefix, string digits, int group) = spec.Type switch
        {
            '\0' or 'd' or 'n' => ("", IntValue.Digits(size), 3),
            'x' => ("0x", Radix(size, 4), 4),
            'X' => ("0X", Radix(size, 4).ToUpperInvariant(), 4),
            'o' => ("0o", Radix(size, 3), 4),
            'b' => ("0b", Radix(size, 1), 4),
            'c' => ("", StrFormat.Character(value >= 0 && value < 0x110000 ? (int)value : throw Raise.Runtime("%c arg not in range(0x110000)")), 0),
            _ => throw spec.Unknown("int"),
        };
        string sign = Sign(spec, value.Sign < 0) + (spec.Alternate ? prefix : "");
        return Grouped(spec, sign, digits, "", group);
    }

    public static string Float(FormatSpec spec, double value)
    {
        char type = spec.Type is '\0' ? 'r' : spec.Type == 'n' ? 'g' : spec.Type;
        if (type is not ('r' or 'e' or 'E' or 'f' or 'F' or 'g' or 'G' or '%'))
        {
            throw spec.Unknown("float");
        }
        string body = double.IsFinite(value) ? Body(spec, type, value) : double.IsNaN(value) ? "nan" : "inf";
        if (type is 'E' or 'F' or 'G')
        {
            body = body.ToUpperInvariant();
        }
        bool negative = value < 0 || (value == 0 && double.IsNegative(value));
        if (negative && spec.NoNegativeZero && !body.Any(c => c is >= '1' and <= '9'))
        {
            negative = false;
        }
        int end = 0;
        while (end < body.Length && char.IsAsciiDigit(body[end]))
        {
            end++;
        }
        return Grouped(spec, Sign(spec, negative), body[..end], body[end..] + (type == '%' ? "%" : ""), end > 0 ? 3 : 0);
    }

    /// <summary>The digits of |value| for a type of <c>e f g %</c>, or r: the shortest.</summary>
    private static string Body(FormatSpec spec, char type, double value)
    {
        int precision = spec.Precision;
        switch (char.ToLowerInvariant(type))
        {
            case 'f':
                return Pointed(FloatText.Fixed(value, precision < 0 ? 6 : precision), spec);
            case '%':
                return Pointed(FloatText.Fixed(value * 100, precision < 0 ? 6 : precision), spec);
            case 'e':
                return Scientific(value, precision < 0 ? 6 : precision, spec.Alternate);
            case 'g':
                return General(value, precision < 0 ? 6 : Math.Max(precision, 1), spec.Alternate, false);
            default:
                return precision < 0 ? FloatText.Shortest(Math.Abs(value)) : General(value, Math.Max(precision, 1), spec.Alternate, true);
        }
    }

    private static string Pointed(string digits, FormatSpec spec) => spec.Alternate && !digits.Contains('.', StringComparison.Ordinal) ? digits + "." : digits;

    private static string Scientific(double value, int decimals, bool point)
    {
        (string digits, int exponent) = FloatText.Leading(value, decimals + 1);
        return Mantissa(digits, point) + Exponent(exponent);
    }

    private static string General(double value, int precision, bool alternate, bool keepsPoint)
    {
        (string digits, int exponent) = FloatText.Leading(value, precision);
        // Without a type, a float that ends before its point keeps ".0", and switches one digit earlier.
        if (exponent < -4 || exponent >= precision - (keepsPoint ? 1 : 0))
        {
            string kept = alternate ? digits : digits[..1] + digits[1..].TrimEnd('0');
            return Mantissa(kept, alternate) + Exponent(exponent);
        }
        string plain = exponent < 0 ? "0." + new string('0', -exponent - 1) + digits
            : exponent + 1 >= digits.Length ? digits.PadRight(exponent + 1, '0')
            : $"{digits[..(exponent + 1)]}.{digits[(exponent + 1)..]}";
        if (alternate)
        {
            return plain.Contains('.', StringComparison.Ordinal) ? plain : plain + ".";
        }
        if (plain.Contains('.', StringComparison.Ordinal))
        {
            plain = plain.TrimEnd('0').TrimEnd('.');
        }
        return keepsPoint && !plain.Contains('.', StringComparison.Ordinal) ? plain + ".0" : plain;
    }

    private static string Mantissa(string digits, bool point) => digits.Length > 1 ? $"{digits[0]}.{digits[1..]}" : point ? digits + "." : digits;

    private static string Exponent(int exponent) => $"e{(exponent < 0 ? '-' : '+')}{Math.Abs(exponent).ToString("00", CultureInfo.InvariantCulture)}";

    private static string Sign(FormatSpec spec, bool negative) => negative ? "-" : spec.Sign is '-' or '\0' ? "" : spec.Sign.ToString();

    private static string Radix(BigInteger value, int bits)
    {
        if (value.IsZero)
        {
            return "0";
        }
        List<char> digits = [];
        // Whole bytes of digits at a time would be faster; numbers are at most 2^17 bits.
        byte[] bytes = value.ToByteArray(isUnsigned: true);
        int count = (int)((value.GetBitLength() + bits - 1) / bits);
        for (int i = count - 1; i >= 0; i--)
        {
            int digit = 0;
            for (int b = bits - 1; b >= 0; b--)
            {
                int at = (i * bits) + b;
                digit = (digit << 1) | (at / 8 < bytes.Length ? (bytes[at / 8] >> (at % 8)) & 1 : 0);
            }
            digits.Add("0123456789abcdef"[digit]);
        }
        return new string([.. digits]);
    }

    // Groups digits from the right; zeros that fill the width are grouped too.
    private static string Grouped(FormatSpec spec, string sign, string digits, string rest, int group)
    {
        char align = spec.Align == 0 ? '>' : spec.Align;
        if (spec.Grouping == 0 || group == 0)
        {
            return spec.Place(sign, digits + rest, align);
        }
        if (spec.Grouping == ',' && group == 4)
        {
            throw Raise.Runtime($"Cannot specify ',' with '{spec.Type}'.");
        }
        if (align == '=' && spec.Fill == "0")
        {
            int room = spec.Width - sign.Length - rest.Length;
            while (digits.Length + ((digits.Length - 1) / group) < room)
            {
                digits = "0" + digits;
                int left = room - (digits.Length + ((digits.Length - 1) / group));
                digits = left > group ? new string('0', left * group / (group + 1)) + digits : digits;
            }
        }
        System.Text.StringBuilder grouped = new();
        for (int i = 0; i < digits.Length; i++)
        {
            if (i > 0 && (digits.Length - i) % group == 0)
            {
                grouped.Append(spec.Grouping);
            }
            grouped.Append(digits[i]);
        }
        return spec.Place(sign, grouped + rest, align);
    }
}
