using System.Globalization;

namespace Lorikeet.Models.Text.Templates;

/// <summary>Times by strftime's directives, in the C locale and without a time zone.</summary>
internal static class TimeText
{
    private static readonly string[] Days = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];

    private static readonly string[] Months =
        ["January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November", "December"];

    public static string Format(Interpreter run, DateTime time, string format)
    {
        TextBuilder to = new(run.Budget);
        for (int i = 0; i < format.Length; i++)
        {
            if (format[i] != '%' || i + 1 == format.Length)
            {
                to.Append(format[i]);
                continue;
            }
            char flag = format[++i];
            bool flagged = flag is '-' or '_' or '0' or '^' or '#' && i + 1 < format.Length;
            char directive = flagged ? format[++i] : flag;
            string? text = Directive(time, directive);
            to.Append(text is null ? (flagged ? $"%{flag}{directive}" : $"%{directive}") : flagged ? Flagged(flag, text) : text);
        }
        return to.ToString();
    }

    private static string? Directive(DateTime t, char directive) => directive switch
    {
        'a' => Days[(int)t.DayOfWeek][..3],
        'A' => Days[(int)t.DayOfWeek],
        'b' or 'h' => Months[t.Month - 1][..3],
        'B' => Months[t.Month - 1],
        'c' => $"{Directive(t, 'a')} {Directive(t, 'b')} {t.Day,2} {Directive(t, 'T')} {t.Year}",
        'C' => Two(t.Year / 100),
        'd' => Two(t.Day),
        'D' or 'x' => $"{Two(t.Month)}/{Two(t.Day)}/{Two(t.Year % 100)}",
        'e' => t.Day.ToString(CultureInfo.InvariantCulture).PadLeft(2),
        'f' => (t.Ticks / 10 % 1_000_000).ToString("D6", CultureInfo.InvariantCulture),
        'F' => $"{t.Year.ToString(CultureInfo.InvariantCulture)}-{Two(t.Month)}-{Two(t.Day)}",
        'g' => Two(ISOWeek.GetYear(t) % 100),
        'G' => ISOWeek.GetYear(t).ToString(CultureInfo.InvariantCulture),
        'H' => Two(t.Hour),
        'I' => Two(((t.Hour + 11) % 12) + 1),
        'j' => t.DayOfYear.ToString("D3", CultureInfo.InvariantCulture),
        'k' => t.Hour.ToString(CultureInfo.InvariantCulture).PadLeft(2),
        'l' => (((t.Hour + 11) % 12) + 1).ToString(CultureInfo.InvariantCulture).PadLeft(2),
        'm' => Two(t.Month),
        'M' => Two(t.Minute),
        'n' => "\n",
        'p' => t.Hour < 12 ? "AM" : "PM",
        'P' => t.Hour < 12 ? "am" : "pm",
        'r' => $"{Directive(t, 'I')}:{Two(t.Minute)}:{Two(t.Second)} {Directive(t, 'p')}",
        'R' => $"{Two(t.Hour)}:{Two(t.Minute)}",
        's' => new DateTimeOffset(DateTime.SpecifyKind(t, DateTimeKind.Local)).ToUnixTimeSeconds().ToString(CultureInfo.InvariantCulture),
        'S' => Two(t.Second),
        't' => "\t",
        'T' or 'X' => $"{Two(t.Hour)}:{Two(t.Minute)}:{Two(t.Second)}",
        'u' => (t.DayOfWeek == DayOfWeek.Sunday ? 7 : (int)t.DayOfWeek).ToString(CultureInfo.InvariantCulture),
        'U' => Two((t.DayOfYear - 1 + 7 - (int)t.DayOfWeek) / 7),
        'V' => Two(ISOWeek.GetWeekOfYear(t)),
        'w' => ((int)t.DayOfWeek).ToString(CultureInfo.InvariantCulture),
        'W' => Two((t.DayOfYear - 1 + 7 - (((int)t.DayOfWeek + 6) % 7)) / 7),
        'y' => Two(t.Year % 100),
        'Y' => t.Year.ToString(CultureInfo.InvariantCulture),
        'z' or 'Z' => "",
        '%' => "%",
        _ => null,
    };

    // The GNU flags: no padding, blanks, zeros, upper case.
    private static string Flagged(char flag, string text) => flag switch
    {
        '-' => text.TrimStart('0', ' ') is { Length: > 0 } plain ? plain : "0",
        '_' => text.Length > 1 && text[0] == '0' ? text.TrimStart('0').PadLeft(text.Length) : text,
        '0' => text.Replace(' ', '0'),
        _ => text.ToUpperInvariant(),
    };

    private static string Two(int number) => number.ToString("D2", CultureInfo.InvariantCulture);
}
