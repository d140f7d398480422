using System.Globalization;
using System.Numerics;

namespace Lorikeet.Models.Text.Templates;

/// <summary>Texts as numbers, by the rules of Python's <c>int()</c> and <c>float()</c>.</summary>
internal static class NumberText
{
    /// <summary>A whole number in a base from 2 to 36, or 0: as a literal says; null: the text is none.</summary>
    public static BigInteger? Integer(string text, int radix)
    {
        string digits = Plain(text);
        bool negative = digits.StartsWith('-');
        if (negative || digits.StartsWith('+'))
        {
            digits = digits[1..];
        }
        int prefix = digits.Length > 1 && digits[0] == '0' ? char.ToLowerInvariant(digits[1]) switch { 'x' => 16, 'o' => 8, 'b' => 2, _ => 0 } : 0;
        bool prefixed = prefix > 0 && (radix == 0 || radix == prefix);
        if (prefixed)
        {
            digits = digits[2..];
            radix = prefix;
        }
        else if (radix == 0)
        {
            radix = 10;
            // 0017 is no literal, 000 is one.
            if (digits.Length > 1 && digits[0] == '0' && digits.Any(c => c is not ('0' or '_')))
            {
                return null;
            }
        }
        if (prefixed && digits.StartsWith('_'))
        {
            digits = digits[1..];
        }
        if (!Underscored(digits) || digits.Length > 4 * IntValue.MostDigits)
        {
            return null;
        }
        digits = digits.Replace("_", "", StringComparison.Ordinal);
        if (digits.Length == 0 || (digits.Length > IntValue.MostDigits && (radix & (radix - 1)) != 0))
        {
            return null;
        }
        BigInteger value = BigInteger.Zero;
        if (radix == 10 && digits.All(char.IsAsciiDigit))
        {
            value = BigInteger.Parse(digits, NumberStyles.None, CultureInfo.InvariantCulture);
            return negative ? -value : value;
        }
        foreach (char c in digits)
        {
            int digit = char.IsAsciiDigit(c) ? c - '0' : char.IsAsciiLetter(c) ? char.ToLowerInvariant(c) - 'a' + 10 : 99;
            if (digit >= radix)
            {
                return null;
            }
            value = (value * radix) + digit;
        }
        return negative ? -value : value;
    }

    /// <summary>A float; null: the text is none.</summary>
    public static double? Float(string text)
    {
        string digits = Plain(text);
        string word = digits.TrimStart('+', '-').ToLowerInvariant();
        if (word is "inf" or "infinity" or "nan" && digits.Length - word.Length <= 1)
        {
            return word == "nan" ? double.NaN : digits[0] == '-' ? double.NegativeInfinity : double.PositiveInfinity;
        }
        if (!Underscored(digits))
        {
            return null;
        }
        digits = digits.Replace("_", "", StringComparison.Ordinal);
        bool any = false;
        foreach (char c in digits)
        {
            if (char.IsAsciiDigit(c))
            {
                any = true;
            }
            else if (c is not ('+' or '-' or '.' or 'e' or 'E'))
            {
                return null;
            }
        }
        const NumberStyles Style = NumberStyles.AllowLeadingSign | NumberStyles.AllowDecimalPoint | NumberStyles.AllowExponent;
        return any && double.TryParse(digits, Style, CultureInfo.InvariantCulture, out double value) ? value : null;
    }

    // Without white space around, and with every script's decimal digits as ASCII.
    private static string Plain(string text)
    {
        string stripped = StringText.Strip(text, null, true, true);
        if (System.Text.Ascii.IsValid(stripped))
        {
            return stripped;
        }
        System.Text.StringBuilder plain = new();
        foreach (System.Text.Rune rune in stripped.EnumerateRunes())
        {
            int digit = rune.IsAscii ? -1 : CharacterFacts.DecimalDigit(rune.Value);
            plain.Append(digit >= 0 ? ((char)('0' + digit)).ToString() : rune.ToString());
        }
        return plain.ToString();
    }

    private static bool Underscored(string digits)
    {
        for (int i = digits.IndexOf('_', StringComparison.Ordinal); i >= 0; i = digits.IndexOf('_', i + 1))
        {
            if (i == 0 || i == digits.Length - 1 || !char.IsAsciiLetterOrDigit(digits[i - 1]) || !char.IsAsciiLetterOrDigit(digits[i + 1]))
            {
                return false;
            }
        }
        return true;
    }
}
