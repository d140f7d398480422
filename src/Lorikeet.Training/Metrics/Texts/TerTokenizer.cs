using System.Text;

namespace Lorikeet.Training;

/// <summary>Tercom's preparation of texts, as sacrebleu has it.</summary>
internal static class TerTokenizer
{
    public static List<string> Words(string text, TerOptions options)
    {
        text = NGrams.TrimEnd(text);
        text = options.CaseSensitive ? text : NGrams.Lower(text);
        if (options.Normalized)
        {
            text = Western(text);
            text = options.AsianSupport ? Asian(text) : text;
        }
        if (options.NoPunctuation)
        {
            text = Without(text, c => c is '.' or ',' or '?' or ':' or ';' or '!' or '"' or '(' or ')');
            text = options.AsianSupport ? Without(text, c => IsAsianMark(c) || IsFullWidthMark(c)) : text;
        }
        return NGrams.Words(text);
    }

    private static string Western(string text)
    {
        string plain = text.Replace("\n-", "", StringComparison.Ordinal).Replace('\n', ' ')
            .Replace("&quot;", "\"", StringComparison.Ordinal).Replace("&amp;", "&", StringComparison.Ordinal)
            .Replace("&lt;", "<", StringComparison.Ordinal).Replace("&gt;", ">", StringComparison.Ordinal);
        string marked = new SpacedText($" {plain} ").Around(SpacedText.IsMark).ToString();
        string possessive = marked.Replace("'s ", " 's ", StringComparison.Ordinal);
        possessive = possessive.EndsWith("'s", StringComparison.Ordinal) ? possessive[..^2] + " 's" : possessive;
        return new SpacedText(possessive)
            .AroundSecond(c => !SpacedText.IsDigit(c), SpacedText.IsPoint)
            .AroundFirst(SpacedText.IsPoint, c => !SpacedText.IsDigit(c))
            .AroundSecond(SpacedText.IsDigit, c => c == '-')
            .ToString();
    }

    // The original's ranges; its patterns for kana begin with a caret where a set is meant, and match nothing inside a text.
    private static string Asian(string text) => new SpacedText(text)
        .Around(c => c is (>= 0x4E00 and <= 0x9FFF) or (>= 0x3400 and <= 0x4DBF))
        .Around(c => c is (>= 0x31C0 and <= 0x31EF) or (>= 0x2E80 and <= 0x2EFF))
        .Around(c => c is (>= 0x3300 and <= 0x33FF) or (>= 0xF900 and <= 0xFAFF) or (>= 0xFE30 and <= 0xFE4F))
        .Around(c => c is >= 0x3200 and <= 0x3F22)
        .Around(c => IsAsianMark(c))
        .Around(c => IsFullWidthMark(c))
        .ToString();

    private static bool IsAsianMark(int c) =>
        c is 0x3001 or 0x3002 or (>= 0x3008 and <= 0x3011) or (>= 0x3014 and <= 0x301F) or (>= 0xFF61 and <= 0xFF65) or 0x30FB;

    private static bool IsFullWidthMark(int c) => c is 0xFF0E or 0xFF0C or 0xFF1F or 0xFF1A or 0xFF1B or 0xFF01 or 0xFF02 or 0xFF08 or 0xFF09;

    private static string Without(string text, Func<int, bool> kind)
    {
        StringBuilder kept = new();
        foreach (char c in text)
        {
            if (!kind(c))
            {
                kept.Append(c);
            }
        }
        return kept.ToString();
    }
}
