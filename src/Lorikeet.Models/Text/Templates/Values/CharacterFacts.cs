using System.Globalization;
using Lorikeet.Models.Text.Unicode;

namespace Lorikeet.Models.Text.Templates;

/// <summary>What Python says of code points.</summary>
internal static class CharacterFacts
{
    private static readonly CodePointSet OtherLower = CodePointSet.Parse(
        "00AA 00BA 02B0-02B8 02C0-02C1 02E0-02E4 0345 037A 1D2C-1D6A 1D78 1D9B-1DBF 2071 207F 2090-209C 2170-217F 24D0-24E9 2C7C-2C7D A69C-A69D A770 A7F8-A7F9 "
        + "AB5C-AB5F 10780 10783-10785 10787-107B0 107B2-107BA");

    private static readonly CodePointSet OtherUpper = CodePointSet.Parse("2160-216F 24B6-24CF 1F130-1F149 1F150-1F169 1F170-1F189");

    /// <summary>White space as <c>str.isspace</c> and <c>\s</c> see it.</summary>
    public static bool IsSpace(int c) => c is (>= 9 and <= 13) or (>= 0x1C and <= 0x20) or 0x85 or 0xA0 or 0x1680 or (>= 0x2000 and <= 0x200A) or 0x2028 or 0x2029
        or 0x202F or 0x205F or 0x3000;

    public static bool IsLower(int c) => Category(c) == UnicodeCategory.LowercaseLetter || OtherLower.Contains(c);

    public static bool IsUpper(int c) => Category(c) == UnicodeCategory.UppercaseLetter || OtherUpper.Contains(c);

    public static bool IsTitle(int c) => Category(c) == UnicodeCategory.TitlecaseLetter;

    public static bool IsCased(int c) => IsLower(c) || IsUpper(c) || IsTitle(c);

    public static bool IsAlpha(int c) => Category(c) is UnicodeCategory.UppercaseLetter or UnicodeCategory.LowercaseLetter or UnicodeCategory.TitlecaseLetter
        or UnicodeCategory.ModifierLetter or UnicodeCategory.OtherLetter;

    public static bool IsDecimal(int c) => Category(c) == UnicodeCategory.DecimalDigitNumber;

    public static bool IsDigit(int c) => CharUnicodeInfo.GetDigitValue(char.ConvertFromUtf32(Scalar(c)), 0) >= 0;

    public static bool IsNumeric(int c) => Category(c) is UnicodeCategory.DecimalDigitNumber or UnicodeCategory.LetterNumber or UnicodeCategory.OtherNumber
        || CharUnicodeInfo.GetNumericValue(char.ConvertFromUtf32(Scalar(c)), 0) >= 0;

    public static int DecimalDigit(int c) => CharUnicodeInfo.GetDecimalDigitValue(char.ConvertFromUtf32(Scalar(c)), 0);

    /// <summary>What <c>\w</c> matches.</summary>
    public static bool IsWord(int c) => c == '_' || IsAlpha(c) || IsNumeric(c);

    /// <summary>What <c>repr</c> shows as it is.</summary>
    public static bool IsPrintable(int c) => c == ' ' || Category(c) is not (UnicodeCategory.Control or UnicodeCategory.Format or UnicodeCategory.Surrogate
        or UnicodeCategory.PrivateUse or UnicodeCategory.OtherNotAssigned or UnicodeCategory.LineSeparator or UnicodeCategory.ParagraphSeparator or UnicodeCategory.SpaceSeparator);

    /// <summary>What may begin a name.</summary>
    public static bool IsNameStart(int c) => c == '_' || IsAlpha(c) || Category(c) == UnicodeCategory.LetterNumber;

    /// <summary>What may go on in a name.</summary>
    public static bool IsNamePart(int c) => IsNameStart(c) || Category(c) is UnicodeCategory.NonSpacingMark or UnicodeCategory.SpacingCombiningMark
        or UnicodeCategory.DecimalDigitNumber or UnicodeCategory.ConnectorPunctuation;

    private static UnicodeCategory Category(int c) => CharUnicodeInfo.GetUnicodeCategory(c);

    private static int Scalar(int c) => c is >= 0xD800 and <= 0xDFFF ? 0xFFFD : c;
}
