using Lorikeet.Models.Text.Templates;

namespace Lorikeet.Training;

/// <summary>The tokenisers of sacrebleu that need no dictionary: 13a, intl, char, zh, none.</summary>
public static class BleuTokenizer
{
    // One line a tokeniser.
    private static readonly Dictionary<string, Func<string, string>> Kinds = new()
    {
        ["13a"] = Mteval13a,
        ["intl"] = International,
        ["char"] = text => string.Join(' ', StringText.Values(text).Select(StrFormat.Character)),
        ["zh"] = Chinese,
        ["none"] = text => text,
    };

    /// <summary>The names.</summary>
    public static IReadOnlyCollection<string> Names => Kinds.Keys;

    /// <summary>Puts single blanks between tokens.</summary>
    /// <param name="text">The text.</param>
    /// <param name="kind">The tokeniser's name.</param>
    /// <exception cref="NotSupportedException">There is no tokeniser of that name here.</exception>
    public static string Tokenize(string text, string kind)
    {
        ArgumentNullException.ThrowIfNull(text);
        return Kinds.TryGetValue(kind, out Func<string, string>? tokenize)
            ? string.Join(' ', NGrams.Words(tokenize(text)))
            : throw new NotSupportedException($"there is no tokeniser '{kind}'; there are {string.Join(", ", Kinds.Keys)}");
    }

    private static string Mteval13a(string text)
    {
        string plain = text.Replace("<skipped>", "", StringComparison.Ordinal).Replace("-\n", "", StringComparison.Ordinal).Replace('\n', ' ')
            .Replace("&quot;", "\"", StringComparison.Ordinal).Replace("&amp;", "&", StringComparison.Ordinal)
            .Replace("&lt;", "<", StringComparison.Ordinal).Replace("&gt;", ">", StringComparison.Ordinal);
        return Western($" {plain} ");
    }

    private static string Western(string text) => new SpacedText(text)
        .Around(SpacedText.IsMark)
        .AroundSecond(c => !SpacedText.IsDigit(c), SpacedText.IsPoint)
        .AroundFirst(SpacedText.IsPoint, c => !SpacedText.IsDigit(c))
        .AroundSecond(SpacedText.IsDigit, c => c == '-')
        .ToString();

    private static string International(string text) => new SpacedText(text)
        .AroundSecond(c => !SpacedText.IsNumber(c), SpacedText.IsPunctuation)
        .AroundFirst(SpacedText.IsPunctuation, c => !SpacedText.IsNumber(c))
        .Around(SpacedText.IsSymbol)
        .ToString();

    private static string Chinese(string text) => Western(new SpacedText(StringText.Strip(text, null, true, true)).Around(IsChinese).ToString());

    // The original's ranges, as it reads them: two are meant to begin at U+20000 and U+2F800, but compare as four digits and one more.
    private static bool IsChinese(int c) => c is (>= 0x3400 and <= 0x4DB5) or (>= 0x4E00 and <= 0x9FBB) or (>= 0xF900 and <= 0xFA2D) or (>= 0xFA30 and <= 0xFA6A)
        or (>= 0xFA70 and <= 0xFAD9) or (>= 0x2001 and <= 0x2A6D) or (>= 0x2F81 and <= 0x2FA1) or (>= 0xFF00 and <= 0xFFEF) or (>= 0x2E80 and <= 0x2EFF)
        or (>= 0x3000 and <= 0x303F) or (>= 0x31C0 and <= 0x31EF) or (>= 0x2F00 and <= 0x2FDF) or (>= 0x2FF0 and <= 0x2FFF) or (>= 0x3100 and <= 0x312F)
        or (>= 0x31A0 and <= 0x31BF) or (>= 0xFE10 and <= 0xFE1F) or (>= 0xFE30 and <= 0xFE4F) or (>= 0x2600 and <= 0x27BF) or (>= 0x3200 and <= 0x33FF);
}
