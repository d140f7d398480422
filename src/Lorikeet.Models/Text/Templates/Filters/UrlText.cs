using System.Globalization;
using System.Text;

namespace Lorikeet.Models.Text.Templates;

/// <summary>Quoting of texts for URLs, and finding of URLs in texts.</summary>
internal static class UrlText
{
    private static readonly string[] Opening = ["(", "<", "&lt;"];
    private static readonly string[] Closing = [")", ">", ".", ",", "\n", "&gt;"];
    private static readonly (string Open, string Close)[] Pairs = [("(", ")"), ("<", ">"), ("&lt;", "&gt;")];

    /// <summary>UTF-8 with <c>%XX</c> for everything but letters, digits and <c>_.-~</c>; in a query a blank is <c>+</c>, elsewhere <c>/</c> stays.</summary>
    public static string Quote(Interpreter run, string text, bool query)
    {
        TextBuilder to = new(run.Budget);
        foreach (byte b in Encoding.UTF8.GetBytes(text))
        {
            char c = (char)b;
            if (char.IsAsciiLetterOrDigit(c) || c is '_' or '.' or '-' or '~' || (c == '/' && !query))
            {
                to.Append(c);
            }
            else if (c == ' ' && query)
            {
                to.Append('+');
            }
            else
            {
                to.Append('%').Append(b.ToString("X2", CultureInfo.InvariantCulture));
            }
        }
        return to.ToString();
    }

    /// <summary>Puts links around URLs and mail addresses of a text that is escaped already.</summary>
    public static string Link(Interpreter run, string text, int? limit, string rel, string? target, string[] schemes)
    {
        string attributes = $"{(rel.Length > 0 ? $" rel=\"{Markup.Escape(run, rel)}\"" : "")}{(string.IsNullOrEmpty(target) ? "" : $" target=\"{Markup.Escape(run, target)}\"")}";
        TextBuilder to = new(run.Budget);
        for (int i = 0; i < text.Length;)
        {
            int start = i;
            bool blank = CharacterFacts.IsSpace(text[i]);
            while (i < text.Length && CharacterFacts.IsSpace(text[i]) == blank)
            {
                i++;
            }
            to.Append(blank ? text[start..i] : Word(text[start..i], limit, attributes, schemes));
        }
        return to.ToString();
    }

    private static string Word(string word, int? limit, string attributes, string[] schemes)
    {
        int head = 0, tail = word.Length;
        while (Opening.FirstOrDefault(o => StartsAt(word, head, tail, o)) is { } open)
        {
            head += open.Length;
        }
        while (Closing.FirstOrDefault(c => tail - c.Length >= head && StartsAt(word, tail - c.Length, tail, c)) is { } close)
        {
            tail -= close.Length;
        }
        // Brackets that were opened inside the address belong to it.
        foreach ((string open, string close) in Pairs)
        {
            for (int missing = Count(word, head, tail, open) - Count(word, head, tail, close); missing > 0; missing--)
            {
                int at = word.IndexOf(close, tail, StringComparison.Ordinal);
                if (at < 0)
                {
                    break;
                }
                tail = at + close.Length;
            }
        }
        return word[..head] + Linked(word[head..tail], limit, attributes, schemes) + word[tail..];
    }

    private static bool StartsAt(string word, int at, int end, string part) => at + part.Length <= end && string.CompareOrdinal(word, at, part, 0, part.Length) == 0;

    private static string Linked(string word, int? limit, string attributes, string[] schemes)
    {
        string shown = limit is { } most && word.Length > most ? word[..Math.Max(0, most)] + "..." : word;
        if (IsWeb(word))
        {
            bool scheme = word.StartsWith("https://", StringComparison.OrdinalIgnoreCase) || word.StartsWith("http://", StringComparison.OrdinalIgnoreCase);
            return $"<a href=\"{(scheme ? "" : "https://")}{word}\"{attributes}>{shown}</a>";
        }
        if (word.StartsWith("mailto:", StringComparison.Ordinal) && IsMail(word[7..]))
        {
            return $"<a href=\"{word}\">{word[7..]}</a>";
        }
        if (word.Contains('@', StringComparison.Ordinal) && !word.StartsWith("www.", StringComparison.Ordinal) && !word.StartsWith('@') && IsMail(word))
        {
            return $"<a href=\"mailto:{word}\">{word}</a>";
        }
        string? other = schemes.FirstOrDefault(s => word != s && word.StartsWith(s, StringComparison.Ordinal));
        return other is null ? word : $"<a href=\"{word}\"{attributes}>{shown}</a>";
    }

    // (https?://|www.)(name.)*name or an address by numbers, with a port and a path.
    private static bool IsWeb(string word)
    {
        string rest = word.StartsWith("https://", StringComparison.OrdinalIgnoreCase) ? word[8..] : word.StartsWith("http://", StringComparison.OrdinalIgnoreCase) ? word[7..] : word;
        bool scheme = rest.Length < word.Length;
        int end = rest.AsSpan().IndexOfAny("/?#");
        string host = end < 0 ? rest : rest[..end];
        int colon = host.IndexOf(':', StringComparison.Ordinal);
        if (colon >= 0)
        {
            if (colon + 1 == host.Length || host.Length - colon > 6 || !host[(colon + 1)..].All(char.IsAsciiDigit))
            {
                return false;
            }
            host = host[..colon];
        }
        string[] names = host.Split('.');
        bool named = names.All(n => n.Length > 0 && n.All(c => c == '-' || CharacterFacts.IsWord(c)));
        if (!named)
        {
            return false;
        }
        return scheme || (names.Length > 1 && (names[0].Equals("www", StringComparison.OrdinalIgnoreCase)
            || names[^1].ToLowerInvariant() is "com" or "net" or "int" or "edu" or "gov" or "org" or "info" or "mil"));
    }

    private static bool IsMail(string word)
    {
        string[] parts = word.Split('@');
        return parts.Length == 2 && parts[0].Length > 0 && parts[1].Contains('.', StringComparison.Ordinal)
            && parts[1].Split('.').All(n => n.Length > 0 && n.All(c => c == '-' || CharacterFacts.IsWord(c)));
    }

    private static int Count(string text, int from, int to, string part)
    {
        int count = 0;
        for (int at = text.IndexOf(part, from, to - from, StringComparison.Ordinal); at >= 0; at = text.IndexOf(part, at + part.Length, to - at - part.Length, StringComparison.Ordinal))
        {
            count++;
        }
        return count;
    }
}
