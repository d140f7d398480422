using System.Globalization;
using System.Text;

namespace Lorikeet.Models.Text.Templates;

/// <summary>The tokens inside tags: numbers, names, strings, signs.</summary>
internal static class LexerParts
{
    // Longer signs first.
    private static readonly string[] Signs = ["//", "**", "==", "!=", ">=", "<=", "+", "-", "/", "*", "%", "~", "[", "]", "(", ")", "{", "}", ">", "<", "=", ".", ":", "|", ",", ";"];

    /// <summary>A token found; of length 0: none, and its text is the reason.</summary>
    internal readonly record struct Piece(TokenKind Kind, string Text, int Length);

    /// <summary>The token at a place that is not white space.</summary>
    public static Piece Next(string source, int at)
    {
        char c = source[at];
        if (char.IsAsciiDigit(c))
        {
            return Number(source, at);
        }
        if (c is '\'' or '"')
        {
            return String(source, at);
        }
        int end = at;
        while (end < source.Length && (CharacterFacts.IsWord(CodePoints.ValueAt(source, end)) || CharacterFacts.IsNamePart(CodePoints.ValueAt(source, end))))
        {
            end += CodePoints.UnitsAt(source, end);
        }
        if (end > at)
        {
            string name = source[at..end];
            return StringText.IsIdentifier(name) ? new Piece(TokenKind.Name, name, name.Length) : new Piece(TokenKind.Name, "Invalid character in identifier", 0);
        }
        foreach (string sign in Signs)
        {
            if (string.CompareOrdinal(source, at, sign, 0, sign.Length) == 0)
            {
                return new Piece(TokenKind.Sign, sign, sign.Length);
            }
        }
        return Unexpected(source, at);
    }

    private static Piece Unexpected(string source, int at) =>
        new(TokenKind.Sign, $"unexpected char {StringText.Represent(source.Substring(at, CodePoints.UnitsAt(source, at)))} at {CodePoints.Count(source[..at])}", 0);

    private static Piece Number(string source, int at)
    {
        int end = Digits(source, at);
        bool afterDot = at > 0 && source[at - 1] == '.';
        if (!afterDot)
        {
            int point = end < source.Length && source[end] == '.' && Digits(source, end + 1) is var fraction && fraction > end + 1 ? fraction : end;
            int exponent = Exponent(source, point);
            int last = exponent > point ? exponent : point;
            if (last > end)
            {
                return new Piece(TokenKind.Float, source[at..last], last - at);
            }
        }
        if (source[at] == '0' && at + 1 < source.Length)
        {
            int radix = char.ToLowerInvariant(source[at + 1]) switch { 'b' => 2, 'o' => 8, 'x' => 16, _ => 0 };
            int last = radix > 0 ? Digits(source, at + 2, radix) : 0;
            if (last > at + 2)
            {
                return new Piece(TokenKind.Integer, source[at..last], last - at);
            }
        }
        if (source[at] == '0')
        {
            // 00 is zero, 07 two numbers side by side.
            end = at + 1;
            while (end < source.Length && (source[end] == '0' || (source[end] == '_' && end + 1 < source.Length && source[end + 1] == '0')))
            {
                end++;
            }
        }
        return new Piece(TokenKind.Integer, source[at..end], end - at);
    }

    // The end of digits with single underscores between them.
    private static int Digits(string source, int at, int radix = 10)
    {
        int end = at;
        while (end < source.Length)
        {
            int digit = end;
            if (source[digit] == '_' && (digit > at || radix != 10))
            {
                digit++;
            }
            if (digit >= source.Length || !char.IsAsciiHexDigit(source[digit]) || Convert.ToInt32(source[digit].ToString(), 16) >= radix)
            {
                break;
            }
            end = digit + 1;
        }
        return end;
    }

    private static int Exponent(string source, int at)
    {
        if (at >= source.Length || source[at] is not ('e' or 'E'))
        {
            return at;
        }
        int digits = at + 1 < source.Length && source[at + 1] is '+' or '-' ? at + 2 : at + 1;
        int end = digits < source.Length ? Digits(source, digits) : digits;
        return end > digits ? end : at;
    }

    private static Piece String(string source, int at)
    {
        char quote = source[at];
        int end = at + 1;
        while (end < source.Length && source[end] != quote)
        {
            end += source[end] == '\\' ? 2 : 1;
        }
        if (end >= source.Length)
        {
            return Unexpected(source, at);
        }
        string? value = Unescape(source[(at + 1)..end], out string reason);
        return value is null ? new Piece(TokenKind.String, reason, 0) : new Piece(TokenKind.String, value, end + 1 - at);
    }

    // The escapes of a Python literal; an unknown one stays as it is.
    private static string? Unescape(string text, out string reason)
    {
        reason = "";
        if (!text.Contains('\\', StringComparison.Ordinal))
        {
            return text;
        }
        StringBuilder to = new();
        for (int i = 0; i < text.Length; i++)
        {
            if (text[i] != '\\' || i + 1 >= text.Length)
            {
                to.Append(text[i]);
                continue;
            }
            char c = text[++i];
            switch (c)
            {
                case '\n':
                    break;
                case '\\' or '\'' or '"':
                    to.Append(c);
                    break;
                case 'a' or 'b' or 'f' or 'n' or 'r' or 't' or 'v':
                    to.Append("\a\b\f\n\r\t\v"["abfnrtv".IndexOf(c, StringComparison.Ordinal)]);
                    break;
                case >= '0' and <= '7':
                    int octal = 0, digits = 0;
                    while (digits < 3 && i < text.Length && text[i] is >= '0' and <= '7')
                    {
                        octal = (octal * 8) + text[i++] - '0';
                        digits++;
                    }
                    i--;
                    to.Append((char)octal);
                    break;
                case 'x' or 'u' or 'U':
                    int count = c == 'x' ? 2 : c == 'u' ? 4 : 8;
                    if (i + count >= text.Length
                        || !int.TryParse(text.AsSpan(i + 1, count), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out int value))
                    {
                        reason = $"truncated \\{c}{new string('X', count)} escape";
                        return null;
                    }
                    if (value is < 0 or > 0x10FFFF)
                    {
                        reason = "illegal Unicode character";
                        return null;
                    }
                    to.Append(StrFormat.Character(value));
                    i += count;
                    break;
                case 'N':
                    reason = "\\N{...} escapes are not supported: write the character itself, or \\uXXXX";
                    return null;
                default:
                    to.Append('\\').Append(c);
                    break;
            }
        }
        return to.ToString();
    }
}
