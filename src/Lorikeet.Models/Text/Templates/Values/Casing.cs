using System.Collections.Frozen;
using System.Globalization;
using System.Text;

namespace Lorikeet.Models.Text.Templates;

/// <summary>Full case mapping, as Python does it: ß becomes SS, a sigma at a word's end becomes ς.</summary>
internal static class Casing
{
    private const int DottedI = 0x130;
    private const string DottedILower = "i\u0307";
    private static readonly FrozenDictionary<int, string> UpperTable = Parse(CaseData.Upper);
    private static readonly FrozenDictionary<int, string> TitleTable = Parse(CaseData.Title);
    private static readonly FrozenDictionary<int, string> FoldTable = Parse(CaseData.Fold);

    public static string Upper(string text) => Map(text, (to, _, c) => AddUpper(to, c));

    public static string Lower(string text) => Map(text, AddLower);

    public static string Fold(string text) => Map(text, (to, _, c) =>
    {
        if (c == DottedI)
        {
            to.Append(DottedILower);
        }
        else
        {
            Add(to, FoldTable, c, Rune.ToLowerInvariant);
        }
    });

    public static string Capitalize(string text)
    {
        bool first = true;
        return Map(text, (to, i, c) =>
        {
            if (first)
            {
                AddTitle(to, c);
            }
            else
            {
                AddLower(to, i, c, text);
            }
            first = false;
        });
    }

    /// <summary><c>str.title</c>: what follows a character with case is lower case.</summary>
    public static string Title(string text)
    {
        bool after = false;
        return Map(text, (to, i, c) =>
        {
            if (after)
            {
                AddLower(to, i, c, text);
            }
            else
            {
                AddTitle(to, c);
            }
            after = CharacterFacts.IsCased(c);
        });
    }

    public static string Swap(string text) => Map(text, (to, i, c) =>
    {
        if (CharacterFacts.IsUpper(c))
        {
            AddLower(to, i, c, text);
        }
        else if (CharacterFacts.IsLower(c))
        {
            AddUpper(to, c);
        }
        else
        {
            AddScalar(to, c);
        }
    });

    private static string Map(string text, Action<StringBuilder, int, int> add)
    {
        StringBuilder to = new(text.Length);
        for (int i = 0; i < text.Length; i += CodePoints.UnitsAt(text, i))
        {
            add(to, i, CodePoints.ValueAt(text, i));
        }
        return to.ToString();
    }

    private static string Map(string text, Action<StringBuilder, int, int, string> add) => Map(text, (to, i, c) => add(to, i, c, text));

    private static void AddLower(StringBuilder to, int index, int c, string text)
    {
        if (c == DottedI)
        {
            to.Append(DottedILower);
        }
        else if (c == 0x3A3)
        {
            to.Append(EndsWord(text, index) ? '\u03C2' : '\u03C3');
        }
        else
        {
            AddRune(to, c, Rune.ToLowerInvariant);
        }
    }

    private static void AddUpper(StringBuilder to, int c) => Add(to, UpperTable, c, Rune.ToUpperInvariant);

    private static void AddTitle(StringBuilder to, int c) => Add(to, TitleTable, c, null);

    private static void Add(StringBuilder to, FrozenDictionary<int, string> table, int c, Func<Rune, Rune>? simple)
    {
        if (table.TryGetValue(c, out string? mapped))
        {
            to.Append(mapped);
        }
        else if (simple is null)
        {
            AddUpper(to, c);
        }
        else
        {
            AddRune(to, c, simple);
        }
    }

    private static void AddRune(StringBuilder to, int c, Func<Rune, Rune> map)
    {
        if (Rune.IsValid(c))
        {
            to.Append(map(new Rune(c)).ToString());
        }
        else
        {
            to.Append((char)c);
        }
    }

    private static void AddScalar(StringBuilder to, int c) => AddRune(to, c, rune => rune);

    // Unicode's Final_Sigma: a cased letter before, none after, marks and apostrophes left out.
    private static bool EndsWord(string text, int index)
    {
        int before = index - 1;
        while (before >= 0 && Ignorable(text[before]))
        {
            before--;
        }
        int after = index + 1;
        while (after < text.Length && Ignorable(text[after]))
        {
            after++;
        }
        int last = before > 0 && char.IsLowSurrogate(text[before]) && char.IsHighSurrogate(text[before - 1]) ? before - 1 : before;
        return before >= 0 && CharacterFacts.IsCased(CodePoints.ValueAt(text, last)) && !(after < text.Length && CharacterFacts.IsCased(CodePoints.ValueAt(text, after)));
    }

    private static bool Ignorable(char c) => c is '\'' or '.' or ':' or '^' or '`' or '\u00A8' or '\u00AD' or '\u00AF' or '\u00B4' or '\u00B7' or '\u00B8' or '\u2018' or '\u2019'
        || CharUnicodeInfo.GetUnicodeCategory(c) is UnicodeCategory.NonSpacingMark or UnicodeCategory.EnclosingMark or UnicodeCategory.Format
            or UnicodeCategory.ModifierSymbol;

    private static FrozenDictionary<int, string> Parse(string data) => data.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries)
        .Select(entry => entry.Split('='))
        .ToFrozenDictionary(
            entry => int.Parse(entry[0], NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture),
            entry => string.Concat(entry[1].Split('+').Select(c => char.ConvertFromUtf32(int.Parse(c, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture)))));
}
