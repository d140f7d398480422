using System.Diagnostics;
using System.Globalization;
using System.Text.RegularExpressions;
using Lorikeet.Models.Files;

namespace Lorikeet.Models.Text.PreTokenizers;

/// <summary>Any other regular expression, bounded in time.</summary>
/// <remarks>
/// The framework matches UTF-16 units, tokenizers' patterns mean code points. So each code point above U+FFFF is replaced, for matching only, by one
/// rarely used character of the same general category; a pattern that names such code points itself is refused.
/// </remarks>
internal sealed class RegexPattern : WordPattern
{
    private static readonly TimeSpan MostTimeAMatch = TimeSpan.FromSeconds(1);
    private static readonly Dictionary<UnicodeCategory, char> StandIns = FindStandIns();

    private readonly Regex regex;
    private readonly string shown;

    private RegexPattern(Regex regex, string shown)
    {
        this.regex = regex;
        this.shown = shown;
    }

    public static new RegexPattern? Make(string pattern, out string reason)
    {
        const int MostLength = 10_000;
        string shown = BadFileException.Short(pattern);
        if (pattern.Length > MostLength || pattern.AsSpan().IndexOfAnyInRange('\uD800', '\uDFFF') >= 0 || MeansSomethingElse(pattern))
        {
            reason = $"has the pattern {shown}, which is not supported: it is too long, names characters above U+FFFF, or nests character classes.";
            return null;
        }
        reason = "";
        const RegexOptions Common = RegexOptions.CultureInvariant | RegexOptions.Multiline;
        try
        {
            return new RegexPattern(new Regex(pattern, Common | RegexOptions.NonBacktracking, MostTimeAMatch), shown);
        }
        catch (NotSupportedException)
        {
            // It looks around or refers back: the backtracking engine, which its time limit bounds.
            return new RegexPattern(new Regex(pattern, Common, MostTimeAMatch), shown);
        }
        catch (ArgumentException e)
        {
            reason = $"has the pattern {shown}, which is not supported: {e.Message}";
            return null;
        }
    }

    public override void Find(ReadOnlySpan<char> text, List<(int Start, int End)> matches)
    {
        long started = Stopwatch.GetTimestamp();
        TimeSpan most = TimeSpan.FromSeconds(10 + text.Length / 100_000.0);
        try
        {
            if (text.IndexOfAnyInRange('\uD800', '\uDFFF') < 0)
            {
                foreach (ValueMatch match in regex.EnumerateMatches(text))
                {
                    Add(match.Index, match.Index + match.Length);
                }
                return;
            }
            char[] simple = Simplify(text, out int[] starts);
            foreach (ValueMatch match in regex.EnumerateMatches(simple.AsSpan(0, starts.Length - 1)))
            {
                Add(starts[match.Index], starts[match.Index + match.Length]);
            }
        }
        catch (RegexMatchTimeoutException e)
        {
            throw TooSlow(e);
        }

        void Add(int start, int end)
        {
            if (end > start)
            {
                matches.Add((start, end));
            }
            if ((matches.Count & 63) == 0 && Stopwatch.GetElapsedTime(started) > most)
            {
                throw TooSlow(null);
            }
        }
    }

    private BadFileException TooSlow(Exception? inner)
    {
        string message = $"the tokenizer's pattern {shown} takes too long on this text; a pattern must run in about linear time.";
        return inner is null ? new BadFileException(message) : new BadFileException(message, inner);
    }

    private static char[] Simplify(ReadOnlySpan<char> text, out int[] starts)
    {
        char[] simple = new char[text.Length];
        List<int> begins = new(text.Length + 1);
        int at = 0;
        foreach (System.Text.Rune rune in text.EnumerateRunes())
        {
            simple[begins.Count] = rune.IsBmp ? (char)rune.Value : StandIns[System.Text.Rune.GetUnicodeCategory(rune)];
            begins.Add(at);
            at += rune.Utf16SequenceLength;
        }
        begins.Add(at);
        starts = [.. begins];
        return simple;
    }

    // The last of each category below the surrogates: what no pattern names. Categories that the basic plane lacks do not exist above it either.
    private static Dictionary<UnicodeCategory, char> FindStandIns()
    {
        Dictionary<UnicodeCategory, char> found = [];
        for (char c = '\uD7FF'; c > 0; c--)
        {
            found.TryAdd(char.GetUnicodeCategory(c), c);
        }
        found[UnicodeCategory.PrivateUse] = '\uF8F0';
        found[UnicodeCategory.OtherLetter] = '\uA48C';
        return found;
    }

    // Constructs that Oniguruma, which the reference uses, and the framework read differently.
    private static bool MeansSomethingElse(string pattern)
    {
        bool inClass = false;
        for (int i = 0; i < pattern.Length; i++)
        {
            switch (pattern[i])
            {
                case '\\':
                    i++;
                    break;
                case '[' when inClass:
                case '&' when inClass && i + 1 < pattern.Length && pattern[i + 1] == '&':
                    return true;
                case '[':
                    inClass = true;
                    // A closing bracket right at the start is a literal.
                    i += pattern.AsSpan(i + 1).StartsWith("^]") ? 2 : pattern.AsSpan(i + 1).StartsWith("]") || pattern.AsSpan(i + 1).StartsWith("^") ? 1 : 0;
                    break;
                case ']':
                    inClass = false;
                    break;
                default:
                    break;
            }
        }
        return false;
    }
}
