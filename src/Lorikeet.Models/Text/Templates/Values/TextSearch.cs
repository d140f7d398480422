namespace Lorikeet.Models.Text.Templates;

/// <summary>Finds texts in texts in time that grows with the sum of their lengths, never their product.</summary>
internal static class TextSearch
{
    private const long QuickProduct = 1 << 24;

    /// <summary>The first index at or after one, or -1. Indices are UTF-16 units; a match never begins or ends inside a surrogate pair.</summary>
    public static int IndexOf(Interpreter run, string text, string part, int from)
    {
        for (int at = from; at <= text.Length - part.Length; at++)
        {
            int found = Find(text, part, at);
            run.Budget.Work(found < 0 ? text.Length - at : found - at + part.Length);
            if (found < 0 || Whole(text, found, part.Length))
            {
                return found;
            }
            at = found;
        }
        return -1;
    }

    /// <summary>The last index at or before an end, or -1.</summary>
    public static int LastIndexOf(Interpreter run, string text, string part, int from, int end)
    {
        int last = -1;
        if (part.Length == 0)
        {
            return from <= end ? end : -1;
        }
        if ((long)text.Length * part.Length <= QuickProduct)
        {
            run.Budget.Work(end - from);
            int span = end - from;
            while (span >= part.Length)
            {
                int found = text.AsSpan(from, span).LastIndexOf(part);
                if (found < 0 || Whole(text, from + found, part.Length))
                {
                    return found < 0 ? -1 : from + found;
                }
                span = found + part.Length - 1;
            }
            return -1;
        }
        for (int at = IndexOf(run, text, part, from); at >= 0 && at + part.Length <= end; at = IndexOf(run, text, part, at + 1))
        {
            last = at;
        }
        return last;
    }

    private static int Find(string text, string part, int from)
    {
        if ((long)(text.Length - from) * part.Length <= QuickProduct)
        {
            return text.IndexOf(part, from, StringComparison.Ordinal);
        }
        // Knuth, Morris and Pratt.
        int[] back = new int[part.Length];
        for (int i = 1, k = 0; i < part.Length; i++)
        {
            while (k > 0 && part[i] != part[k])
            {
                k = back[k - 1];
            }
            k += part[i] == part[k] ? 1 : 0;
            back[i] = k;
        }
        for (int i = from, k = 0; i < text.Length; i++)
        {
            while (k > 0 && text[i] != part[k])
            {
                k = back[k - 1];
            }
            k += text[i] == part[k] ? 1 : 0;
            if (k == part.Length)
            {
                return i - k + 1;
            }
        }
        return -1;
    }

    private static bool Whole(string text, int at, int length) => Between(text, at) && Between(text, at + length);

    private static bool Between(string text, int at) => at <= 0 || at >= text.Length || !(char.IsHighSurrogate(text[at - 1]) && char.IsLowSurrogate(text[at]));
}
