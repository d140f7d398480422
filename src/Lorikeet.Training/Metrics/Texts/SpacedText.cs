using System.Globalization;
using System.Text;
using Lorikeet.Models.Text.Templates;

namespace Lorikeet.Training;

/// <summary>A text as code points, into which tokenisers put blanks, as their regular expressions do: from left to right, without overlaps.</summary>
internal sealed class SpacedText(string text)
{
    private List<int> points = [.. StringText.Values(text)];

    /// <summary>Blanks around each character of a kind.</summary>
    public SpacedText Around(Func<int, bool> kind)
    {
        List<int> spaced = new(points.Count * 2);
        foreach (int c in points)
        {
            bool apart = kind(c);
            if (apart)
            {
                spaced.Add(' ');
            }
            spaced.Add(c);
            if (apart)
            {
                spaced.Add(' ');
            }
        }
        points = spaced;
        return this;
    }

    /// <summary>Blanks around the second of two characters: <c>\1 \2 </c>.</summary>
    public SpacedText AroundSecond(Func<int, bool> first, Func<int, bool> second) => Pairs(first, second, false);

    /// <summary>Blanks around the first of two characters: <c> \1 \2</c>.</summary>
    public SpacedText AroundFirst(Func<int, bool> first, Func<int, bool> second) => Pairs(first, second, true);

    /// <summary>The text so far.</summary>
    public override string ToString()
    {
        StringBuilder joined = new();
        foreach (int c in points)
        {
            joined.Append(c is >= 0xD800 and <= 0xDFFF ? ((char)c).ToString() : char.ConvertFromUtf32(c));
        }
        return joined.ToString();
    }

    public static bool IsDigit(int c) => c is >= '0' and <= '9';

    public static bool IsPoint(int c) => c is '.' or ',';

    /// <summary>The ASCII punctuation that is always split off: everything but <c>' , - .</c>; the blank too.</summary>
    public static bool IsMark(int c) => c is (>= '{' and <= '~') or (>= '[' and <= '`') or (>= ' ' and <= '&') or (>= '(' and <= '+') or (>= ':' and <= '@') or '/';

    public static bool IsPunctuation(int c) => CharUnicodeInfo.GetUnicodeCategory(c) is >= UnicodeCategory.ConnectorPunctuation and <= UnicodeCategory.OtherPunctuation;

    public static bool IsSymbol(int c) => CharUnicodeInfo.GetUnicodeCategory(c) is >= UnicodeCategory.MathSymbol and <= UnicodeCategory.OtherSymbol;

    public static bool IsNumber(int c) => CharUnicodeInfo.GetUnicodeCategory(c) is UnicodeCategory.DecimalDigitNumber or UnicodeCategory.LetterNumber or UnicodeCategory.OtherNumber;

    private SpacedText Pairs(Func<int, bool> first, Func<int, bool> second, bool aroundFirst)
    {
        List<int> spaced = new(points.Count * 2);
        for (int i = 0; i < points.Count; i++)
        {
            if (i + 1 == points.Count || !first(points[i]) || !second(points[i + 1]))
            {
                spaced.Add(points[i]);
                continue;
            }
            int[] pair = aroundFirst ? [' ', points[i], ' ', points[i + 1]] : [points[i], ' ', points[i + 1], ' '];
            spaced.AddRange(pair);
            i++;
        }
        points = spaced;
        return this;
    }
}
