using System.Collections.Concurrent;
using System.Globalization;
using System.Text;
using Lorikeet.Models.Text.Unicode;

namespace Lorikeet.Models.Text.Patterns;

/// <summary>The sets that a pattern names: categories, scripts, properties, POSIX's brackets.</summary>
internal static class Properties
{
    private static readonly string[] Categories =
    [
        "Lu", "Ll", "Lt", "Lm", "Lo", "Mn", "Mc", "Me", "Nd", "Nl", "No", "Zs", "Zl", "Zp", "Cc", "Cf", "Cs", "Co", "Pc", "Pd", "Ps", "Pe", "Pi", "Pf", "Po", "Sm", "Sc",
        "Sk", "So", "Cn",
    ];

    private static readonly Dictionary<string, string> LongNames = new()
    {
        ["letter"] = "l",
        ["uppercaseletter"] = "lu",
        ["lowercaseletter"] = "ll",
        ["titlecaseletter"] = "lt",
        ["modifierletter"] = "lm",
        ["otherletter"] = "lo",
        ["casedletter"] = "lc",
        ["mark"] = "m",
        ["combiningmark"] = "m",
        ["nonspacingmark"] = "mn",
        ["spacingmark"] = "mc",
        ["enclosingmark"] = "me",
        ["number"] = "n",
        ["decimalnumber"] = "nd",
        ["letternumber"] = "nl",
        ["othernumber"] = "no",
        ["punctuation"] = "p",
        ["punct"] = "p",
        ["connectorpunctuation"] = "pc",
        ["dashpunctuation"] = "pd",
        ["openpunctuation"] = "ps",
        ["closepunctuation"] = "pe",
        ["initialpunctuation"] = "pi",
        ["finalpunctuation"] = "pf",
        ["otherpunctuation"] = "po",
        ["symbol"] = "s",
        ["mathsymbol"] = "sm",
        ["currencysymbol"] = "sc",
        ["modifiersymbol"] = "sk",
        ["othersymbol"] = "so",
        ["separator"] = "z",
        ["spaceseparator"] = "zs",
        ["lineseparator"] = "zl",
        ["paragraphseparator"] = "zp",
        ["other"] = "c",
        ["control"] = "cc",
        ["format"] = "cf",
        ["surrogate"] = "cs",
        ["privateuse"] = "co",
        ["unassigned"] = "cn",
        ["alphabetic"] = "alpha",
        ["uppercase"] = "upper",
        ["lowercase"] = "lower",
        ["whitespace"] = "space",
    };

    private static readonly CodePointSet OtherAlphabetic = CodePointSet.Parse(PropertyRanges.OtherAlphabetic);
    private static readonly CodePointSet OtherUppercase = CodePointSet.Parse(PropertyRanges.OtherUppercase);
    private static readonly CodePointSet OtherLowercase = CodePointSet.Parse(PropertyRanges.OtherLowercase);
    private static readonly ConcurrentDictionary<string, CharacterSet?> Known = new();

    /// <summary><c>\s</c>.</summary>
    public static CharacterSet Space => Get("space")!;

    /// <summary><c>\d</c>.</summary>
    public static CharacterSet Digit => Get("nd")!;

    /// <summary><c>\h</c>.</summary>
    public static CharacterSet HexDigit => Get("xdigit")!;

    /// <summary><c>[[:word:]]</c>, and <c>\w</c> in a class.</summary>
    public static CharacterSet WordInClass => Get("word")!;

    /// <summary><c>\w</c> outside classes, where Oniguruma counts some Latin-1 numbers too.</summary>
    public static CharacterSet Word { get; } = Get("word")!.Or(CharacterSet.Of([(0xB2, 0xB3), (0xB9, 0xB9), (0xBC, 0xBE)]));

    /// <summary>Any character but a line feed.</summary>
    public static CharacterSet NotNewLine { get; } = CharacterSet.Of('\n').Not();

    /// <summary>Any character.</summary>
    public static CharacterSet All { get; } = CharacterSet.Of([(0, 0x10FFFF)]);

    /// <summary>A set by its name; null where there is no such or it is not built.</summary>
    /// <param name="name">The name: case, spaces, hyphens and underscores do not count.</param>
    /// <param name="posix">Whether it stands in brackets, <c>[:punct:]</c>, where punctuation has the symbols too.</param>
    public static CharacterSet? Get(string name, bool posix = false)
    {
        StringBuilder plain = new();
        foreach (char c in name)
        {
            if (c is not (' ' or '-' or '_'))
            {
                plain.Append(char.ToLowerInvariant(c));
            }
        }
        string key = plain.ToString();
        key = posix && key == "punct" ? "posixpunct" : LongNames.GetValueOrDefault(key, key);
        return Known.GetOrAdd(key, Find);
    }

    private static CharacterSet? Find(string name)
    {
        switch (name)
        {
            case "any":
                return CharacterSet.Of([(0, 0x10FFFF)]);
            case "assigned":
                return CharacterSet.Where((_, g) => g != UnicodeCategory.OtherNotAssigned);
            case "lc":
                return CharacterSet.Where((_, g) => g <= UnicodeCategory.TitlecaseLetter);
            case "alpha":
                return CharacterSet.Where(IsAlphabetic);
            case "alnum":
                return CharacterSet.Where((c, g) => IsAlphabetic(c, g) || g == UnicodeCategory.DecimalDigitNumber);
            case "word":
                return CharacterSet.Where((c, g) => IsAlphabetic(c, g)
                    || g is UnicodeCategory.DecimalDigitNumber or UnicodeCategory.ConnectorPunctuation or UnicodeCategory.NonSpacingMark
                        or UnicodeCategory.SpacingCombiningMark or UnicodeCategory.EnclosingMark);
            case "upper":
                return CharacterSet.Where((c, g) => g == UnicodeCategory.UppercaseLetter || OtherUppercase.Contains(c));
            case "lower":
                return CharacterSet.Where((c, g) => g == UnicodeCategory.LowercaseLetter || OtherLowercase.Contains(c));
            case "digit":
                return CharacterSet.Where((_, g) => g == UnicodeCategory.DecimalDigitNumber);
            case "xdigit":
                return CharacterSet.Of([('0', '9'), ('A', 'F'), ('a', 'f')]);
            case "ascii":
                return CharacterSet.Of([(0, 0x7F)]);
            case "space":
                return CharacterSet.Where((c, _) => CharacterClass.IsSpace(c));
            case "blank":
                return CharacterSet.Where((c, g) => c == '\t' || g == UnicodeCategory.SpaceSeparator);
            case "cntrl":
                return CharacterSet.Where((_, g) => g == UnicodeCategory.Control);
            case "posixpunct":
                return CharacterSet.Where((_, g) => Categories[(int)g][0] is 'P' or 'S');
            case "graph":
                return CharacterSet.Where((_, g) => IsPrinted(g) && Categories[(int)g][0] != 'Z');
            case "print":
                return CharacterSet.Where((_, g) => IsPrinted(g) && (Categories[(int)g][0] != 'Z' || g == UnicodeCategory.SpaceSeparator));
            default:
                break;
        }
        bool[] wanted = [.. Categories.Select(c => c.Equals(name, StringComparison.OrdinalIgnoreCase) || (name.Length == 1 && char.ToLowerInvariant(c[0]) == name[0]))];
        if (wanted.Contains(true))
        {
            return CharacterSet.Where((_, g) => wanted[(int)g]);
        }
        return Scripts.ByName(name) is { } script ? CharacterSet.Of(script.Ranges) : null;
    }

    private static bool IsAlphabetic(int codePoint, UnicodeCategory category) =>
        category is <= UnicodeCategory.OtherLetter or UnicodeCategory.LetterNumber || OtherAlphabetic.Contains(codePoint);

    private static bool IsPrinted(UnicodeCategory category) =>
        category is not (UnicodeCategory.Control or UnicodeCategory.OtherNotAssigned or UnicodeCategory.Surrogate);
}
