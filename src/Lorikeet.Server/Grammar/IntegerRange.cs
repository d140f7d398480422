using System.Globalization;

namespace Lorikeet.Server;

/// <summary>Regular expressions of the integers between two bounds.</summary>
internal static class IntegerRange
{
    /// <summary>The largest bound.</summary>
    public const long Largest = 999_999_999_999_999;

    private const int MostDigits = 18;

    /// <summary>Patterns, one of which matches each integer from <paramref name="least"/> to <paramref name="most"/>; null: no bound.</summary>
    public static IEnumerable<string> Patterns(long? least, long? most)
    {
        if (least is null or < 0)
        {
            long? nearest = most is < 0 ? -most : 1, farthest = least is { } l ? -l : null;
            foreach (string pattern in Positive(nearest.Value, farthest))
            {
                yield return "-" + pattern;
            }
        }
        if (most is null or >= 0)
        {
            long from = Math.Max(0, least ?? 0);
            foreach (string pattern in Positive(from, most))
            {
                yield return pattern;
            }
        }
    }

    private static IEnumerable<string> Positive(long from, long? until)
    {
        if (until is null)
        {
            string text = Text(from);
            // As many digits: up to all nines; then any number of more digits.
            foreach (string pattern in Between(from, long.Parse(new string('9', text.Length), CultureInfo.InvariantCulture)))
            {
                yield return pattern;
            }
            yield return $"[1-9][0-9]{{{text.Length},{MostDigits - 1}}}";
            yield break;
        }
        for (long low = from; low <= until;)
        {
            long high = Math.Min(until.Value, long.Parse(new string('9', Text(low).Length), CultureInfo.InvariantCulture));
            foreach (string pattern in Between(low, high))
            {
                yield return pattern;
            }
            low = high + 1;
        }
    }

    // Both have as many digits.
    private static IEnumerable<string> Between(long low, long high) => Between(Text(low), Text(high));

    private static IEnumerable<string> Between(string low, string high)
    {
        if (low.Length == 0)
        {
            yield return "";
            yield break;
        }
        int rest = low.Length - 1;
        bool lowest = low[1..].All(c => c == '0'), highest = high[1..].All(c => c == '9');
        if (low[0] == high[0])
        {
            foreach (string tail in Between(low[1..], high[1..]))
            {
                yield return low[0] + tail;
            }
            yield break;
        }
        char from = low[0], until = high[0];
        if (!lowest)
        {
            foreach (string tail in Between(low[1..], new string('9', rest)))
            {
                yield return from + tail;
            }
            from++;
        }
        if (!highest)
        {
            until--;
        }
        if (from <= until)
        {
            yield return $"[{from}-{until}]" + (rest == 0 ? "" : $"[0-9]{{{rest}}}");
        }
        if (!highest)
        {
            foreach (string tail in Between(new string('0', rest), high[1..]))
            {
                yield return high[0] + tail;
            }
        }
    }

    private static string Text(long number) => number.ToString(CultureInfo.InvariantCulture);
}
