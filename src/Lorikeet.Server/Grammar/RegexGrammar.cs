using System.Globalization;
using System.Text;

namespace Lorikeet.Server;

/// <summary>
/// Compiles a user's regular expression into a grammar: characters, classes, groups, alternatives, repetitions; matched against the whole
/// text. Back-references, look-around and possessive groups are refused, so matching is linear in the text, always.
/// </summary>
internal sealed class RegexGrammar
{
    private const int MostDepth = 100;
    private static readonly CodePoints Digits = CodePoints.Of(('0', '9'));
    private static readonly CodePoints Word = CodePoints.Of(('0', '9'), ('A', 'Z'), ('_', '_'), ('a', 'z'));
    private static readonly CodePoints Space = CodePoints.Of(('\t', '\r'), (' ', ' '), ('\u00A0', '\u00A0'), ('\uFEFF', '\uFEFF'), ('\u2028', '\u2029'));
    private static readonly CodePoints NewLine = CodePoints.Of(('\n', '\n'));

    private readonly GrammarBuilder builder;
    private readonly string pattern;
    private readonly Func<CodePoints, GrammarElement> character;
    private readonly int mostRepetitions;
    private int at;

    private RegexGrammar(GrammarBuilder builder, string pattern, Func<CodePoints, GrammarElement> character, int mostRepetitions)
    {
        this.mostRepetitions = mostRepetitions;
        this.builder = builder;
        this.pattern = pattern;
        this.character = character;
    }

    /// <summary>The element that matches a pattern.</summary>
    /// <param name="builder">Where its rules go.</param>
    /// <param name="pattern">The pattern.</param>
    /// <param name="character">How a character of a set is written in the text; null: as itself.</param>
    /// <param name="search">True: the pattern may match anywhere, as in JSON schemas; <c>^</c> and <c>$</c> anchor it.</param>
    /// <param name="own">True: the server's own pattern, whose repetitions no budget bounds.</param>
    /// <exception cref="GrammarException">The pattern is broken, or uses what is not offered.</exception>
    public static GrammarElement Compile(GrammarBuilder builder, string pattern, Func<CodePoints, GrammarElement>? character = null, bool search = false, bool own = false)
    {
        int most = own ? int.MaxValue : builder.Limits.Repetitions;
        RegexGrammar parser = new(builder, pattern, character ?? builder.Characters, most);
        bool start = pattern.StartsWith('^'), end = EndsAnchored(pattern);
        parser.at = start ? 1 : 0;
        string body = end ? pattern[..^1] : pattern;
        RegexGrammar inner = new(builder, body, parser.character, most) { at = parser.at };
        GrammarElement element = inner.Alternatives(0);
        if (inner.at < body.Length)
        {
            throw inner.Bad("')' without '('");
        }
        if (!search || (start && end))
        {
            return element;
        }
        GrammarElement any = builder.Repeat(parser.character(CodePoints.All), 0, null);
        return start ? builder.Sequence(element, any) : end ? builder.Sequence(any, element) : builder.Sequence(any, element, any);
    }

    private static bool EndsAnchored(string pattern)
    {
        if (!pattern.EndsWith('$'))
        {
            return false;
        }
        int slashes = 0;
        for (int i = pattern.Length - 2; i >= 0 && pattern[i] == '\\'; i--)
        {
            slashes++;
        }
        return slashes % 2 == 0;
    }

    private bool More => at < pattern.Length;

    private GrammarElement Alternatives(int depth)
    {
        if (depth > MostDepth)
        {
            throw Bad($"groups are nested deeper than {MostDepth}");
        }
        List<GrammarElement[]> alternatives = [Sequence(depth)];
        while (More && pattern[at] == '|')
        {
            at++;
            alternatives.Add(Sequence(depth));
        }
        return builder.Choice(alternatives);
    }

    private GrammarElement[] Sequence(int depth)
    {
        List<GrammarElement> parts = [];
        while (More && pattern[at] is not ('|' or ')'))
        {
            parts.Add(Repeated(Atom(depth)));
        }
        return [.. parts];
    }

    private GrammarElement Repeated(GrammarElement atom)
    {
        while (More)
        {
            (int Least, int? Most)? count = pattern[at] switch
            {
                '*' => (0, null),
                '+' => (1, null),
                '?' => (0, 1),
                '{' => Braces(),
                _ => null,
            };
            if (count is not { } range)
            {
                return atom;
            }
            if (pattern[at] != '{')
            {
                at++;
            }
            else
            {
                at = pattern.IndexOf('}', at) + 1;
            }
            if (More && pattern[at] == '+')
            {
                throw Bad("possessive repetition is not offered");
            }
            // A lazy repetition allows the same texts.
            if (More && pattern[at] == '?')
            {
                at++;
            }
            if (range.Least > mostRepetitions || range.Most > mostRepetitions)
            {
                throw new GrammarException($"a repetition of {Math.Max(range.Least, range.Most ?? 0)}; the limit is {mostRepetitions}") { IsLimit = true };
            }
            if (range.Most < range.Least)
            {
                throw Bad($"the repetition {{{range.Least},{range.Most}}} runs backwards");
            }
            atom = builder.Repeat(atom, range.Least, range.Most);
        }
        return atom;
    }

    // {n}, {n,}, {n,m}; anything else is a brace that stands for itself.
    private (int Least, int? Most)? Braces()
    {
        int close = pattern.IndexOf('}', at);
        if (close < 0)
        {
            return null;
        }
        string[] parts = pattern[(at + 1)..close].Split(',');
        if (parts.Length > 2 || !Number(parts[0], out int least))
        {
            return null;
        }
        return parts.Length == 1 ? (least, least) : parts[1].Length == 0 ? (least, null) : Number(parts[1], out int most) ? (least, most) : null;

        static bool Number(string text, out int number) =>
            int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out number);
    }

    private GrammarElement Atom(int depth)
    {
        char c = pattern[at];
        switch (c)
        {
            case '(':
                at++;
                if (More && pattern[at] == '?')
                {
                    Group();
                }
                GrammarElement inner = Alternatives(depth + 1);
                if (!More || pattern[at] != ')')
                {
                    throw Bad("'(' without ')'");
                }
                at++;
                return inner;
            case '[':
                return character(Class());
            case '.':
                at++;
                return character(NewLine.Complement());
            case '*' or '+' or '?':
                throw Bad($"'{c}' repeats nothing");
            case '^' or '$':
                throw Bad($"'{c}' is only offered at the beginning or the end of the pattern");
            case '\\':
                return character(Escape(inClass: false));
            default:
                return character(Single(Next()));
        }
    }

    private void Group()
    {
        string rest = pattern[at..];
        if (rest.StartsWith("?:", StringComparison.Ordinal))
        {
            at += 2;
        }
        else if (rest.StartsWith("?P<", StringComparison.Ordinal) || (rest.StartsWith("?<", StringComparison.Ordinal) && rest.Length > 2 && rest[2] is not ('=' or '!')))
        {
            int close = pattern.IndexOf('>', at);
            at = close < 0 ? throw Bad("a group's name has no end") : close + 1;
        }
        else
        {
            throw Bad("look-around and other special groups are not offered");
        }
    }

    private CodePoints Class()
    {
        int open = at++;
        bool negated = More && pattern[at] == '^';
        at += negated ? 1 : 0;
        List<(int, int)> ranges = [];
        bool first = true;
        while (true)
        {
            if (!More)
            {
                at = open;
                throw Bad("'[' without ']'");
            }
            if (pattern[at] == ']' && !first)
            {
                at++;
                break;
            }
            first = false;
            CodePoints low = pattern[at] == '\\' ? Escape(inClass: true) : Single(Next());
            if (low.Ranges is [var (from, same)] && from == same && at + 1 < pattern.Length && pattern[at] == '-' && pattern[at + 1] != ']')
            {
                at++;
                CodePoints high = pattern[at] == '\\' ? Escape(inClass: true) : Single(Next());
                int until = high.Ranges is [var (last, lastToo)] && last == lastToo ? last : throw Bad("a range ends with a class");
                ranges.Add(until >= from ? (from, until) : throw Bad("a range runs backwards"));
            }
            else
            {
                ranges.AddRange(low.Ranges);
            }
        }
        CodePoints set = CodePoints.Of(ranges);
        return negated ? set.Complement() : set;
    }

    private CodePoints Escape(bool inClass)
    {
        at++;
        if (!More)
        {
            throw Bad("the pattern ends with '\\'");
        }
        char c = pattern[at];
        at++;
        switch (c)
        {
            case 'd': return Digits;
            case 'D': return Digits.Complement();
            case 'w': return Word;
            case 'W': return Word.Complement();
            case 's': return Space;
            case 'S': return Space.Complement();
            case 'n': return Single('\n');
            case 'r': return Single('\r');
            case 't': return Single('\t');
            case 'f': return Single('\f');
            case 'v': return Single('\v');
            case '0': return Single(0);
            case 'b' when inClass: return Single('\b');
            case 'x': return Single(Hex(2));
            case 'u' when More && pattern[at] == '{':
                int close = pattern.IndexOf('}', at);
                int start = at + 1;
                at = close < 0 ? throw Bad("'\\u{' without '}'") : close + 1;
                return Single(Parse(pattern[start..close]));
            case 'u':
                int unit = Hex(4);
                if (char.IsHighSurrogate((char)unit) && at + 6 <= pattern.Length && pattern[at] == '\\' && pattern[at + 1] == 'u')
                {
                    at += 2;
                    int low = Hex(4);
                    return char.IsLowSurrogate((char)low) ? Single(char.ConvertToUtf32((char)unit, (char)low)) : throw Bad("half a surrogate pair");
                }
                return Single(unit);
            default:
                return char.IsAsciiLetterOrDigit(c) ? throw Bad($"'\\{c}' is not offered") : Single(c);
        }
    }

    private int Hex(int digits)
    {
        if (at + digits > pattern.Length)
        {
            throw Bad($"an escape needs {digits} hexadecimal digits");
        }
        int value = Parse(pattern.Substring(at, digits));
        at += digits;
        return value;
    }

    private int Parse(string digits) =>
        int.TryParse(digits, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out int value) && value is >= 0 and <= 0x10FFFF
            ? value
            : throw Bad($"'{digits}' is no hexadecimal character");

    private int Next()
    {
        Rune.DecodeFromUtf16(pattern.AsSpan(at), out Rune rune, out int used);
        at += used;
        return rune.Value;
    }

    private static CodePoints Single(int character) => CodePoints.Of((character, character));

    private GrammarException Bad(string what) => new($"the regular expression at character {Math.Min(at, pattern.Length) + 1}: {what}");
}
