using System.Globalization;
using System.Text;

namespace Lorikeet.Models.Text.Unicode;

/// <summary>What a pattern's <c>\p{L}</c>, <c>\p{N}</c> and <c>\s</c> say of a code point.</summary>
internal enum CharacterKind : byte
{
    /// <summary>None of the three; unassigned and private characters too.</summary>
    Other,

    /// <summary><c>\p{L}</c>.</summary>
    Letter,

    /// <summary><c>\p{N}</c>.</summary>
    Number,

    /// <summary><c>\s</c>.</summary>
    Space,
}

/// <summary>Classes of characters by code point, from compiled-in tables, so that they are the same on every runtime.</summary>
internal static class CharacterClass
{
    private static readonly CodePointSet Letters = CodePointSet.Parse(CharacterRanges.Letters);
    private static readonly CodePointSet Numbers = CodePointSet.Parse(CharacterRanges.Numbers);
    private static readonly CodePointSet Digits = CodePointSet.Parse(CharacterRanges.Digits);
    private static readonly CharacterKind[] Basic = MakeBasic();

    /// <summary>The kind of the code point that starts at an index, and how many UTF-16 units it has.</summary>
    public static CharacterKind At(ReadOnlySpan<char> text, int index, out int units)
    {
        char c = text[index];
        if (!char.IsSurrogate(c) || index + 1 >= text.Length || !char.IsSurrogatePair(c, text[index + 1]))
        {
            units = 1;
            return Basic[c];
        }
        units = 2;
        int codePoint = char.ConvertToUtf32(c, text[index + 1]);
        return Letters.Contains(codePoint) ? CharacterKind.Letter : Numbers.Contains(codePoint) ? CharacterKind.Number : CharacterKind.Other;
    }

    /// <summary>Whether the Digits pre-tokenizer takes it for a digit.</summary>
    public static bool IsDigit(int codePoint) => Digits.Contains(codePoint);

    /// <summary>Whether <c>\w</c> matches: letters, marks, decimal and letter numbers, connectors, joiners, circled letters (UTS 18, annex C).</summary>
    public static bool IsWord(Rune rune) =>
        Letters.Contains(rune.Value)
        || rune.Value is 0x200C or 0x200D or (>= 0x24B6 and <= 0x24E9) or (>= 0x1F130 and <= 0x1F149) or (>= 0x1F150 and <= 0x1F169) or (>= 0x1F170 and <= 0x1F189)
        || Rune.GetUnicodeCategory(rune) is UnicodeCategory.NonSpacingMark or UnicodeCategory.SpacingCombiningMark or UnicodeCategory.EnclosingMark
            or UnicodeCategory.DecimalDigitNumber or UnicodeCategory.LetterNumber or UnicodeCategory.ConnectorPunctuation;

    private static CharacterKind[] MakeBasic()
    {
        CharacterKind[] kinds = new CharacterKind[0x10000];
        for (int c = 0; c < kinds.Length; c++)
        {
            kinds[c] = Letters.Contains(c) ? CharacterKind.Letter
                : Numbers.Contains(c) ? CharacterKind.Number
                : char.IsWhiteSpace((char)c) ? CharacterKind.Space
                : CharacterKind.Other;
        }
        return kinds;
    }
}
