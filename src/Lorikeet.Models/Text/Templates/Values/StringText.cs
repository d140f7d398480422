using System.Globalization;
using System.Text;

namespace Lorikeet.Models.Text.Templates;

/// <summary>Python's ways with the text of a str that do not need its value.</summary>
internal static class StringText
{
    /// <summary>What <c>repr</c> gives.</summary>
    public static string Represent(string text)
    {
        StringBuilder to = new();
        Represent(text, piece => to.Append(piece));
        return to.ToString();
    }

    public static void Represent(string text, TextBuilder to) => Represent(text, piece => to.Append(piece));

    /// <summary>Removes characters of a set (null: white space) from the ends.</summary>
    public static string Strip(string text, string? set, bool left, bool right)
    {
        int from = 0, to = text.Length;
        HashSet<int>? members = set is null ? null : [.. Values(set)];
        while (left && from < to && In(members, CodePoints.ValueAt(text, from)))
        {
            from += CodePoints.UnitsAt(text, from);
        }
        while (right && to > from)
        {
            int units = to - from >= 2 && char.IsLowSurrogate(text[to - 1]) && char.IsHighSurrogate(text[to - 2]) ? 2 : 1;
            if (!In(members, CodePoints.ValueAt(text, to - units)))
            {
                break;
            }
            to -= units;
        }
        return text[from..to];
    }

    /// <summary>The lines, with or without their ends; every line break of Python's <c>splitlines</c> counts.</summary>
    public static List<string> Lines(string text, bool keepEnds)
    {
        List<string> lines = [];
        int start = 0;
        for (int i = 0; i < text.Length; i++)
        {
            if (text[i] is not ((>= '\n' and <= '\r') or (>= '\x1c' and <= '\x1e') or '\x85' or '\u2028' or '\u2029'))
            {
                continue;
            }
            int end = i;
            if (text[i] == '\r' && i + 1 < text.Length && text[i + 1] == '\n')
            {
                i++;
            }
            lines.Add(text[start..(keepEnds ? i + 1 : end)]);
            start = i + 1;
        }
        if (start < text.Length)
        {
            lines.Add(text[start..]);
        }
        return lines;
    }

    public static IEnumerable<int> Values(string text)
    {
        for (int i = 0; i < text.Length; i += CodePoints.UnitsAt(text, i))
        {
            yield return CodePoints.ValueAt(text, i);
        }
    }

    public static bool IsIdentifier(string text)
    {
        bool first = true;
        foreach (int c in Values(text))
        {
            if (!(first ? CharacterFacts.IsNameStart(c) : CharacterFacts.IsNamePart(c)))
            {
                return false;
            }
            first = false;
        }
        return !first;
    }

    private static bool In(HashSet<int>? members, int c) => members is null ? CharacterFacts.IsSpace(c) : members.Contains(c);

    private static void Represent(string text, Action<string> write)
    {
        char quote = text.Contains('\'', StringComparison.Ordinal) && !text.Contains('"', StringComparison.Ordinal) ? '"' : '\'';
        StringBuilder part = new();
        part.Append(quote);
        for (int i = 0; i < text.Length;)
        {
            int units = CodePoints.UnitsAt(text, i), c = CodePoints.ValueAt(text, i);
            switch (c)
            {
                case '\n':
                    part.Append("\\n");
                    break;
                case '\r':
                    part.Append("\\r");
                    break;
                case '\t':
                    part.Append("\\t");
                    break;
                case '\\':
                    part.Append("\\\\");
                    break;
                default:
                    if (c == quote)
                    {
                        part.Append('\\').Append(quote);
                    }
                    else if (c is >= ' ' and < 0x7F || (c > 0x7F && CharacterFacts.IsPrintable(c)))
                    {
                        part.Append(text, i, units);
                    }
                    else
                    {
                        part.Append(Escape(c));
                    }
                    break;
            }
            i += units;
            if (part.Length > 1 << 12)
            {
                write(part.ToString());
                part.Clear();
            }
        }
        write(part.Append(quote).ToString());
    }

    private static string Escape(int c) => c switch
    {
        <= 0xFF => "\\x" + c.ToString("x2", CultureInfo.InvariantCulture),
        <= 0xFFFF => "\\u" + c.ToString("x4", CultureInfo.InvariantCulture),
        _ => "\\U" + c.ToString("x8", CultureInfo.InvariantCulture),
    };
}
