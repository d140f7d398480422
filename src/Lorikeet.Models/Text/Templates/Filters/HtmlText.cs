using System.Net;
using System.Text;

namespace Lorikeet.Models.Text.Templates;

/// <summary>HTML as plain text.</summary>
internal static class HtmlText
{
    /// <summary>Without comments and tags, white space as single blanks, entities as characters.</summary>
    public static string StripTags(string text)
    {
        StringBuilder plain = new(Without(Without(text, "<!--", "-->"), "<", ">"));
        string joined = string.Join(' ', plain.ToString().Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries));
        return WebUtility.HtmlDecode(joined);
    }

    // Text outside of begin and end marks; a begin without an end stays.
    private static string Without(string text, string begin, string end)
    {
        StringBuilder kept = new();
        int from = 0;
        for (int at = text.IndexOf(begin, StringComparison.Ordinal); at >= 0; at = text.IndexOf(begin, from, StringComparison.Ordinal))
        {
            int close = text.IndexOf(end, at, StringComparison.Ordinal);
            if (close < 0)
            {
                break;
            }
            kept.Append(text, from, at - from);
            from = close + end.Length;
        }
        return kept.Append(text, from, text.Length - from).ToString();
    }
}
