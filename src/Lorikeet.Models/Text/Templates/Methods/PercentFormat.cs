using System.Globalization;
using System.Numerics;

namespace Lorikeet.Models.Text.Templates;

/// <summary>Formatting by <c>%</c>, as C's printf and Python have it.</summary>
internal static class PercentFormat
{
    public static StringValue Format(Interpreter run, StringValue pattern, Value values)
    {
        TextBuilder to = new(run.Budget);
        string text = pattern.Text;
        IReadOnlyList<Value> list = values is TupleValue tuple ? tuple.Items : [values];
        int next = 0;
        bool named = false;
        for (int i = 0; i < text.Length; i++)
        {
            if (text[i] != '%')
            {
                to.Append(text[i]);
                continue;
            }
            i++;
            if (i < text.Length && text[i] == '%')
            {
                to.Append('%');
                continue;
            }
            Value? value = null;
            if (i < text.Length && text[i] == '(')
            {
                int close = Close(text, i);
                if (values is UndefinedValue undefined)
                {
                    throw undefined.Fail();
                }
                if (values is not DictValue dict)
                {
                    throw Raise.Runtime("format requires a mapping");
                }
                value = dict.Get(text[(i + 1)..close]) ?? throw Raise.Runtime(StringText.Represent(text[(i + 1)..close]));
                i = close + 1;
                named = true;
            }
            FormatSpec spec = Spec(run, text, ref i, Next);
            if (i >= text.Length)
            {
                throw Raise.Runtime("incomplete format");
            }
            to.Append(One(run, spec, text[i], i, value ?? Next(), pattern.IsMarkup));
        }
        return named || next >= list.Count || values is DictValue or ListValue or UndefinedValue && next == 0
            ? pattern.Like(to.ToString())
            : throw Raise.Runtime("not all arguments converted during string formatting");

        Value Next() => next < list.Count ? list[next++] : throw Raise.Runtime("not enough arguments for format string");
    }

    /// <summary>What Python's <c>ascii()</c> makes of a representation.</summary>
    public static string Ascii(string represented)
    {
        System.Text.StringBuilder to = new();
        foreach (int c in StringText.Values(represented))
        {
            to.Append(c switch
            {
                < 0x80 => ((char)c).ToString(),
                <= 0xFF => "\\x" + c.ToString("x2", CultureInfo.InvariantCulture),
                <= 0xFFFF => "\\u" + c.ToString("x4", CultureInfo.InvariantCulture),
                _ => "\\U" + c.ToString("x8", CultureInfo.InvariantCulture),
            });
        }
        return to.ToString();
    }

    private static int Close(string text, int open)
    {
        int depth = 0;
        for (int i = open; i < text.Length; i++)
        {
            depth += text[i] switch { '(' => 1, ')' => -1, _ => 0 };
            if (depth == 0)
            {
                return i;
            }
        }
        throw Raise.Runtime("incomplete format key");
    }

    private static FormatSpec Spec(Interpreter run, string text, ref int i, Func<Value> next)
    {
        FormatSpec spec = new();
        bool zero = false, left = false;
        for (; i < text.Length && text[i] is '-' or '+' or ' ' or '#' or '0'; i++)
        {
            spec = text[i] switch
            {
                '+' => spec with { Sign = '+' },
                ' ' when spec.Sign != '+' => spec with { Sign = ' ' },
                '#' => spec with { Alternate = true },
                _ => spec,
            };
            zero |= text[i] == '0';
            left |= text[i] == '-';
        }
        int width = Number(text, ref i, next) ?? 0;
        left |= width < 0;
        spec = spec with { Width = Math.Abs(Math.Max(width, -int.MaxValue)), Align = left ? '<' : zero ? '=' : '>', Fill = zero && !left ? "0" : " " };
        if (i < text.Length && text[i] == '.')
        {
            i++;
            spec = spec with { Precision = Math.Max(0, Number(text, ref i, next) ?? 0) };
        }
        while (i < text.Length && text[i] is 'h' or 'l' or 'L')
        {
            i++;
        }
        run.Budget.Make((long)spec.Width + Math.Max(0, spec.Precision));
        return spec;
    }

    private static int? Number(string text, ref int i, Func<Value> next)
    {
        if (i < text.Length && text[i] == '*')
        {
            i++;
            return Operators.AsIndex(next()) is { } given ? (int)Math.Clamp(given, -int.MaxValue, int.MaxValue) : throw Raise.Runtime("* wants int");
        }
        int start = i;
        while (i < text.Length && char.IsAsciiDigit(text[i]))
        {
            i++;
        }
        return i == start ? null
            : int.TryParse(text.AsSpan(start, i - start), NumberStyles.None, CultureInfo.InvariantCulture, out int number) ? number
            : throw Raise.Runtime("width too big");
    }

    private static string One(Interpreter run, FormatSpec spec, char type, int at, Value value, bool escape)
    {
        switch (type)
        {
            case 's':
                return Text(spec, escape ? Markup.Escape(run, value) : run.Print(value));
            case 'r':
                return Text(spec, Escaped(run, run.Represent(value), escape));
            case 'a':
                return Text(spec, Escaped(run, Ascii(run.Represent(value)), escape));
            case 'c':
                return Text(spec with { Precision = -1 }, Character(value));
            case 'd' or 'i' or 'u':
                return Integer(spec, 'd', value is FloatValue f ? Truncated(f.Value) : Operators.AsInteger(value) ?? throw Wrong(type, "a real number is required", value));
            case 'x' or 'X' or 'o':
                return Integer(spec, type, Operators.AsInteger(value) ?? throw Wrong(type, "an integer is required", value));
            case 'e' or 'E' or 'f' or 'F' or 'g' or 'G':
                double number = value is UndefinedValue u ? throw u.Fail() : Operators.AsFloat(value) ?? throw Raise.Runtime($"must be real number, not {value.TypeName}");
                return NumberFormat.Float(spec with { Type = type, Align = double.IsFinite(number) || spec.Align != '=' ? spec.Align : '>', Fill = double.IsFinite(number) ? spec.Fill : " " }, number);
            default:
                throw Raise.Runtime($"unsupported format character '{type}' (0x{((int)type).ToString("x", CultureInfo.InvariantCulture)}) at index {at}");
        }
    }

    private static string Escaped(Interpreter run, string text, bool escape) => escape ? Markup.Escape(run, text) : text;

    private static string Text(FormatSpec spec, string text)
    {
        int count = CodePoints.Count(text);
        if (spec.Precision >= 0 && spec.Precision < count)
        {
            text = text[..CodePoints.Offset(text, count, spec.Precision)];
        }
        // Zeros fill numbers only.
        return (spec with { Fill = " " }).Place("", text, spec.Align == '=' ? '>' : spec.Align);
    }

    private static string Integer(FormatSpec spec, char type, BigInteger value)
    {
        int least = spec.Precision;
        string digits = NumberFormat.Integer(new FormatSpec { Type = type }, BigInteger.Abs(value));
        digits = least > digits.Length ? digits.PadLeft(least, '0') : digits;
        string prefix = spec.Alternate ? type switch { 'x' => "0x", 'X' => "0X", 'o' => "0o", _ => "" } : "";
        string sign = value.Sign < 0 ? "-" : spec.Sign is '-' or '\0' ? "" : spec.Sign.ToString();
        return spec.Place(sign + prefix, digits, spec.Align);
    }

    private static BigInteger Truncated(double value) => double.IsFinite(value)
        ? new BigInteger(value)
        : throw Raise.Runtime(double.IsNaN(value) ? "cannot convert float NaN to integer" : "cannot convert float infinity to integer");

    private static string Character(Value value) => value switch
    {
        StringValue { Count: 1 } s => s.Text,
        _ => Operators.AsInteger(value) is { } c && value is not FloatValue
            ? c >= 0 && c < 0x110000 ? StrFormat.Character((int)c) : throw Raise.Runtime("%c arg not in range(0x110000)")
            : throw Raise.Runtime("%c requires int or char"),
    };

    private static TemplateException Wrong(char type, string expected, Value value) =>
        value is UndefinedValue undefined && (type is 'd' or 'i' or 'u') ? undefined.Fail() : Raise.Runtime($"%{type} format: {expected}, not {value.TypeName}");
}
