using System.Globalization;
using System.Numerics;

namespace Lorikeet.Models.Text.Templates;

/// <summary>Python's format specification: <c>[[fill]align][sign][z][#][0][width][grouping][.precision][type]</c>, of <c>str.format</c> and <c>%</c>.</summary>
internal sealed record FormatSpec
{
    public string Fill { get; init; } = " ";

    /// <summary>One of <c>&lt; &gt; ^ =</c>, or 0: the type's own.</summary>
    public char Align { get; init; }

    /// <summary><c>+</c>, <c>-</c> or a blank, or 0: not given, which is <c>-</c>.</summary>
    public char Sign { get; init; }

    public bool Alternate { get; init; }

    public bool NoNegativeZero { get; init; }

    public int Width { get; init; }

    /// <summary><c>,</c> or <c>_</c>, or 0.</summary>
    public char Grouping { get; init; }

    /// <summary>-1: not given.</summary>
    public int Precision { get; init; } = -1;

    /// <summary>0: not given.</summary>
    public char Type { get; init; }

    public static FormatSpec Parse(string text)
    {
        FormatSpec spec = new();
        int i = 0;
        int units = text.Length > 0 ? CodePoints.UnitsAt(text, 0) : 0;
        bool filled = text.Length > units && text[units] is '<' or '>' or '^' or '=';
        if (filled)
        {
            spec = spec with { Fill = text[..units], Align = text[units] };
            i = units + 1;
        }
        else if (text.Length > 0 && text[0] is '<' or '>' or '^' or '=')
        {
            spec = spec with { Align = text[i++] };
        }
        if (i < text.Length && text[i] is '+' or '-' or ' ')
        {
            spec = spec with { Sign = text[i++] };
        }
        if (i < text.Length && text[i] == 'z')
        {
            spec = spec with { NoNegativeZero = true };
            i++;
        }
        if (i < text.Length && text[i] == '#')
        {
            spec = spec with { Alternate = true };
            i++;
        }
        if (i < text.Length && text[i] == '0')
        {
            spec = spec with { Fill = filled ? spec.Fill : "0", Align = spec.Align == 0 ? '=' : spec.Align };
            i++;
        }
        spec = spec with { Width = Math.Max(0, Number(text, ref i)) };
        if (i < text.Length && text[i] is ',' or '_')
        {
            spec = spec with { Grouping = text[i++] };
        }
        if (i < text.Length && text[i] == '.')
        {
            i++;
            spec = spec with { Precision = Number(text, ref i) };
            if (spec.Precision < 0)
            {
                throw Raise.Runtime("Format specifier missing precision");
            }
        }
        if (i < text.Length)
        {
            spec = spec with { Type = text[i++] };
        }
        return i == text.Length ? spec : throw Raise.Runtime("Invalid format specifier");
    }

    /// <summary>Formats a value by this.</summary>
    public string Apply(Interpreter run, Value value)
    {
        // Precision makes text just as width does.
        run.Budget.Make((long)Math.Max(Width, 0) + Math.Max(Precision, 0));
        return value switch
        {
            StringValue s => Texts(run, s.Text),
            FloatValue f => NumberFormat.Float(this, f.Value),
            BoolValue b when Type is '\0' && this == Bare => b.Value ? "True" : "False",
            BoolValue when Type == 's' => throw Unknown("bool"),
            IntValue or BoolValue => NumberFormat.Integer(this, Operators.AsInteger(value)!.Value),
            _ => throw Raise.Runtime($"unsupported format string passed to {value.TypeName}.__format__"),
        };
    }

    public TemplateException Unknown(string type) => Raise.Runtime($"Unknown format code '{Type}' for object of type '{type}'");

    /// <summary>Puts a number's sign, prefix and digits into the width.</summary>
    public string Place(string sign, string digits, char align)
    {
        int missing = Width - sign.Length - CodePoints.Count(digits);
        if (missing <= 0)
        {
            return sign + digits;
        }
        if (align == '=')
        {
            return sign + Filled(missing) + digits;
        }
        int before = align == '>' ? missing : align == '^' ? missing / 2 : 0;
        return Filled(before) + sign + digits + Filled(missing - before);
    }

    private static readonly FormatSpec Bare = new();

    private static int Number(string text, ref int i)
    {
        int start = i;
        while (i < text.Length && char.IsAsciiDigit(text[i]))
        {
            i++;
        }
        return i == start ? -1
            : int.TryParse(text.AsSpan(start, i - start), NumberStyles.None, CultureInfo.InvariantCulture, out int number) ? number
            : throw Raise.Runtime("Too many decimal digits in format string");
    }

    private string Texts(Interpreter run, string text)
    {
        if (Type is not ('\0' or 's'))
        {
            throw Unknown("str");
        }
        if (Sign != 0 || Alternate || Grouping != 0)
        {
            throw Raise.Runtime(Sign != 0 ? "Sign not allowed in string format specifier" : Alternate ? "Alternate form (#) not allowed in string format specifier" : $"Cannot specify '{Grouping}' with 's'.");
        }
        if (Align == '=' && Fill != "0")
        {
            throw Raise.Runtime("'=' alignment not allowed in string format specifier");
        }
        int count = CodePoints.Count(text);
        if (Precision >= 0 && Precision < count)
        {
            text = text[..CodePoints.Offset(text, count, Precision)];
        }
        return Place("", text, Align is '\0' or '=' ? '<' : Align);
    }

    private string Filled(int count) => Fill.Length == 1 ? new string(Fill[0], count) : string.Concat(Enumerable.Repeat(Fill, count));
}
