using System.Text;

namespace Lorikeet.Models.Text.Templates;

/// <summary>Strings as sequences of code points; half a surrogate pair is one of its own.</summary>
internal static class CodePoints
{
    public static int Count(string text)
    {
        int pairs = 0;
        ReadOnlySpan<char> rest = text;
        for (int at = rest.IndexOfAnyInRange('\uD800', '\uDBFF'); at >= 0; at = rest.IndexOfAnyInRange('\uD800', '\uDBFF'))
        {
            bool pair = at + 1 < rest.Length && char.IsLowSurrogate(rest[at + 1]);
            pairs += pair ? 1 : 0;
            rest = rest[(at + (pair ? 2 : 1))..];
        }
        return text.Length - pairs;
    }

    /// <summary>UTF-16 units of the code point at an index.</summary>
    public static int UnitsAt(string text, int index) =>
        char.IsHighSurrogate(text[index]) && index + 1 < text.Length && char.IsLowSurrogate(text[index + 1]) ? 2 : 1;

    /// <summary>The code point at an index of UTF-16 units.</summary>
    public static int ValueAt(string text, int index) =>
        UnitsAt(text, index) == 2 ? char.ConvertToUtf32(text[index], text[index + 1]) : text[index];

    /// <summary>The UTF-16 index of a code point's index, which may be the text's length.</summary>
    public static int Offset(string text, int count, int codePoint)
    {
        if (count == text.Length)
        {
            return codePoint;
        }
        int at = 0;
        for (int i = 0; i < codePoint; i++)
        {
            at += UnitsAt(text, at);
        }
        return at;
    }

    /// <summary>The code point's index of a UTF-16 index.</summary>
    public static int Index(string text, int count, int offset) => count == text.Length ? offset : Count(text[..offset]);

    public static string At(string text, int count, int codePoint)
    {
        int at = Offset(text, count, codePoint);
        return text.Substring(at, UnitsAt(text, at));
    }

    public static string Slice(string text, int count, SliceRange range)
    {
        if (range.Count == 0)
        {
            return "";
        }
        if (range.Step == 1)
        {
            int from = Offset(text, count, range.Start);
            return text[from..(count == text.Length ? from + range.Count : from + Offset(text[from..], count - range.Start, range.Count))];
        }
        StringBuilder picked = new();
        if (count == text.Length)
        {
            foreach (int i in range.Indices())
            {
                picked.Append(text[i]);
            }
            return picked.ToString();
        }
        int[] starts = Starts(text, count);
        foreach (int i in range.Indices())
        {
            picked.Append(text, starts[i], UnitsAt(text, starts[i]));
        }
        return picked.ToString();
    }

    /// <summary>Orders by code points, as Python does: UTF-16 order differs where surrogates meet U+E000 to U+FFFF.</summary>
    public static int Compare(string left, string right)
    {
        int common = left.AsSpan().CommonPrefixLength(right);
        if (common == left.Length || common == right.Length)
        {
            return left.Length.CompareTo(right.Length);
        }
        char a = left[common], b = right[common];
        return char.IsSurrogate(a) == char.IsSurrogate(b) ? a.CompareTo(b) : char.IsSurrogate(a) ? 1 : -1;
    }

    private static int[] Starts(string text, int count)
    {
        int[] starts = new int[count];
        for (int i = 0, at = 0; i < count; i++)
        {
            starts[i] = at;
            at += UnitsAt(text, at);
        }
        return starts;
    }
}
