using System.Globalization;
using System.Text;

namespace Lorikeet.Cli.Chat;

/// <summary>How many columns of a terminal a text takes: two for East Asian and pictorial characters, none for marks on others.</summary>
internal static class Columns
{
    // The blocks of wide characters, first and last.
    private static readonly (int First, int Last)[] Wide =
    [
        (0x1100, 0x115F), (0x2E80, 0x303E), (0x3041, 0xA4CF), (0xA960, 0xA97C), (0xAC00, 0xD7A3), (0xF900, 0xFAFF), (0xFE30, 0xFE6F), (0xFF00, 0xFF60),
        (0xFFE0, 0xFFE6), (0x1F300, 0x1F64F), (0x1F680, 0x1F6FF), (0x1F900, 0x1FAFF), (0x20000, 0x3FFFD),
    ];

    /// <summary>The columns of a text.</summary>
    /// <param name="text">The text, without control characters.</param>
    public static int Of(ReadOnlySpan<char> text)
    {
        int columns = 0;
        foreach (Rune rune in text.EnumerateRunes())
        {
            columns += Rune.GetUnicodeCategory(rune) is UnicodeCategory.NonSpacingMark or UnicodeCategory.EnclosingMark or UnicodeCategory.Format ? 0
                : Array.Exists(Wide, block => rune.Value >= block.First && rune.Value <= block.Last) ? 2
                : 1;
        }
        return columns;
    }
}
