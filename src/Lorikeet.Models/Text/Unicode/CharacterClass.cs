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
    private static readonly CodePointSet Punctuation = CodePointSet.Parse(BertRanges.Punctuation);
    private static readonly CodePointSet CleanedAway = CodePointSet.Parse(BertRanges.Removed);
    private static readonly CodePointSet NonSpacingMarks = CodePointSet.Parse(BertRanges.NonSpacingMarks);
    private static readonly CodePointSet Marks = CodePointSet.Parse(BertRanges.Marks);
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

    /// <summary>Whether <c>\s</c> matches: Unicode's White_Space.</summary>
    public static bool IsSpace(int codePoint) => codePoint < 0x10000 && char.IsWhiteSpace((char)codePoint);

    /// <summary>Whether BERT's and the Punctuation pre-tokenizer cut it out.</summary>
    public static bool IsPunctuation(int codePoint) => Punctuation.Contains(codePoint);

    /// <summary>Whether BERT's cleaning drops it.</summary>
    public static bool IsCleanedAway(int codePoint) => CleanedAway.Contains(codePoint);

    /// <summary>Whether it is a mark without width of its own (Mn), by BERT's tables.</summary>
    public static bool IsNonSpacingMark(int codePoint) => codePoint >= 0x300 && NonSpacingMarks.Contains(codePoint);

    /// <summary>Whether it is a combining mark of any kind (M), by the tables of StripAccents.</summary>
    public static bool IsMark(int codePoint) => codePoint >= 0x300 && Marks.Contains(codePoint);

    /// <summary>Whether BERT takes it for a Chinese character: most blocks of CJK ideographs.</summary>
    public static bool IsChinese(int codePoint) => codePoint is (>= 0x4E00 and <= 0x9FFF) or (>= 0x3400 and <= 0x4DBF) or (>= 0x20000 and <= 0x2A6DF)
        or (>= 0x2A700 and <= 0x2B73F) or (>= 0x2B740 and <= 0x2B81F) or (>= 0x2B920 and <= 0x2CEAF) or (>= 0xF900 and <= 0xFAFF) or (>= 0x2F800 and <= 0x2FA1F);

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
