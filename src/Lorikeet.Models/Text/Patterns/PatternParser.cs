using System.Globalization;
using System.Text;

namespace Lorikeet.Models.Text.Patterns;

/// <summary>Reads a regular expression as Oniguruma does, which tokenizer.json's patterns are written for.</summary>
internal sealed class PatternParser
{
    // Groups nest on the stack of this program.
    private const int MostNesting = 100;
    private const int MostRepeats = 1000;

    private readonly string text;
    private readonly List<string?> groupNames = [null];
    private int at;
    private int depth;
    private bool ignoreCase, dotAll, extended;

    private PatternParser(string text) => this.text = text;

    /// <summary>Reads a pattern.</summary>
    /// <exception cref="FormatException">The pattern breaks a rule; the message is part of a sentence.</exception>
    /// <exception cref="NotSupportedException">The pattern uses what is not built; the message is part of a sentence.</exception>
    public static PatternNode Parse(string text)
    {
        PatternParser parser = new(text);
        PatternNode node = parser.Choice();
        return parser.at == text.Length ? node : throw new FormatException("has a ) without its (");
    }

    private PatternNode Choice()
    {
        if (++depth > MostNesting)
        {
            throw new NotSupportedException($"nests groups more than {MostNesting} deep");
        }
        List<PatternNode> options = [Sequence()];
        while (Take('|'))
        {
            options.Add(Sequence());
        }
        depth--;
        return options.Count == 1 ? options[0] : new PatternNode.Choice(options);
    }

    private PatternNode Sequence()
    {
        List<PatternNode> parts = [];
        while (at < text.Length && text[at] is not ('|' or ')'))
        {
            if (extended && SkipComment())
            {
                continue;
            }
            if (Atom() is not { } atom)
            {
                // (?i) without a colon holds up to the group's end, alternatives included.
                PatternNode rest = Choice();
                parts.Add(rest);
                break;
            }
            parts.Add(Quantified(atom));
        }
        return parts.Count == 1 ? parts[0] : new PatternNode.Sequence(parts);
    }

    private bool SkipComment()
    {
        if (char.IsWhiteSpace(text[at]))
        {
            at++;
            return true;
        }
        if (text[at] != '#')
        {
            return false;
        }
        int end = text.IndexOf('\n', at);
        at = end < 0 ? text.Length : end + 1;
        return true;
    }

    private PatternNode Quantified(PatternNode atom)
    {
        while (at < text.Length)
        {
            int start = at;
            (int Least, int Most)? range = text[at] switch
            {
                '*' => (0, int.MaxValue),
                '+' => (1, int.MaxValue),
                '?' => (0, 1),
                '{' => Interval(),
                _ => null,
            };
            if (range is not { } times)
            {
                at = start;
                return atom;
            }
            bool interval = text[start] == '{';
            at += interval ? 0 : 1;
            if (interval && times.Least == times.Most && Take('?'))
            {
                // As Oniguruma has it: {n}? is the whole or nothing.
                atom = new PatternNode.Repeat(new PatternNode.Repeat(atom, times.Least, times.Most, Lazy: false), 0, 1, Lazy: false);
                continue;
            }
            bool lazy = Take('?');
            atom = new PatternNode.Repeat(atom, times.Least, times.Most, lazy);
            // A plus behind {n,m} repeats the repetition.
            if (!lazy && !interval && Take('+'))
            {
                atom = new PatternNode.Atomic(atom);
            }
        }
        return atom;
    }

    // {n}, {n,}, {,m}, {n,m}; anything else is text.
    private (int, int)? Interval()
    {
        at++;
        int? least = Number(), most = least;
        if (Take(','))
        {
            most = Number();
            if (least is null && most is null)
            {
                return null;
            }
            least ??= 0;
            most ??= int.MaxValue;
        }
        if (least is null || !Take('}'))
        {
            return null;
        }
        if (least > MostRepeats || (most > MostRepeats && most != int.MaxValue))
        {
            throw new NotSupportedException($"repeats more than {MostRepeats} times");
        }
        return least <= most ? (least.Value, most!.Value) : throw new FormatException($"repeats at least {least} and at most {most} times");
    }

    private int? Number()
    {
        int start = at;
        while (at < text.Length && char.IsAsciiDigit(text[at]))
        {
            at++;
        }
        return at == start ? null : int.TryParse(text.AsSpan(start, at - start), CultureInfo.InvariantCulture, out int number) ? number : int.MaxValue - 1;
    }

    // Null where it was an option that changes what follows.
    private PatternNode? Atom()
    {
        char c = text[at++];
        switch (c)
        {
            case '(':
                return Group();
            case '[':
                return new PatternNode.Set(Class());
            case '.':
                return new PatternNode.Set(dotAll ? Properties.All : Properties.NotNewLine);
            case '^':
                return new PatternNode.Anchor(AnchorKind.LineStart);
            case '$':
                return new PatternNode.Anchor(AnchorKind.LineEnd);
            case '\\':
                return Escape();
            case '*' or '+' or '?':
                throw new FormatException($"repeats nothing at {c}");
            default:
                at--;
                return Literal(CodePoint());
        }
    }

    private PatternNode Literal(int codePoint)
    {
        CharacterSet set = CharacterSet.Of(codePoint);
        return new PatternNode.Set(ignoreCase ? set.IgnoreCase() : set);
    }

    private PatternNode? Group()
    {
        (bool Case, bool Dot, bool Extended) before = (ignoreCase, dotAll, extended);
        PatternNode node;
        if (!Take('?'))
        {
            int number = groupNames.Count;
            groupNames.Add(null);
            node = new PatternNode.Group(Choice(), number);
        }
        else if (TakeAll("#"))
        {
            int end = text.IndexOf(')', at);
            at = end < 0 ? throw new FormatException("has a comment without its )") : end + 1;
            return new PatternNode.Sequence([]);
        }
        else if (TakeAll(":"))
        {
            node = Choice();
        }
        else if (TakeAll("=") || TakeAll("!"))
        {
            bool negative = text[at - 1] == '!';
            node = new PatternNode.Look(Choice(), Behind: false, negative);
        }
        else if (TakeAll("<=") || TakeAll("<!"))
        {
            bool negative = text[at - 1] == '!';
            node = new PatternNode.Look(Choice(), Behind: true, negative);
        }
        else if (TakeAll(">"))
        {
            node = new PatternNode.Atomic(Choice());
        }
        else if (at < text.Length && text[at] is '<' or '\'')
        {
            string name = Name(text[at++] == '<' ? '>' : '\'');
            int number = groupNames.Count;
            groupNames.Add(name);
            node = new PatternNode.Group(Choice(), number);
        }
        else if (Options())
        {
            return null;
        }
        else
        {
            node = Choice();
        }
        if (!Take(')'))
        {
            throw new FormatException("has a ( without its )");
        }
        (ignoreCase, dotAll, extended) = before;
        return node;
    }

    // imx-imx and then ) or :; true for ).
    private bool Options()
    {
        bool on = true;
        for (; at < text.Length; at++)
        {
            switch (text[at])
            {
                case '-':
                    on = false;
                    break;
                case 'i':
                    ignoreCase = on;
                    break;
                case 'm':
                    dotAll = on;
                    break;
                case 'x':
                    extended = on;
                    break;
                case ':':
                    at++;
                    return false;
                case ')':
                    at++;
                    return true;
                default:
                    throw new NotSupportedException($"uses the group (?{text[at]}, which is not supported");
            }
        }
        throw new FormatException("has a ( without its )");
    }

    private string Name(char end)
    {
        int close = text.IndexOf(end, at);
        if (close <= at)
        {
            throw new FormatException("has a group without a name");
        }
        string name = text[at..close];
        at = close + 1;
        return name;
    }

    private PatternNode Escape()
    {
        if (at == text.Length)
        {
            throw new FormatException("ends with a backslash");
        }
        char c = text[at];
        AnchorKind? anchor = c switch
        {
            'A' => AnchorKind.TextStart,
            'z' => AnchorKind.TextEnd,
            'Z' => AnchorKind.TextEndOrLastLine,
            'b' => AnchorKind.WordBoundary,
            'B' => AnchorKind.NoWordBoundary,
            'G' => AnchorKind.SearchStart,
            _ => null,
        };
        if (anchor is { } kind)
        {
            at++;
            return new PatternNode.Anchor(kind);
        }
        if (c is >= '1' and <= '9')
        {
            int number = Number()!.Value;
            return number < groupNames.Count
                ? new PatternNode.BackReference(number, ignoreCase)
                : throw new FormatException($"refers back to group {number}, which is not there yet");
        }
        if (c == 'k')
        {
            at++;
            string name = at < text.Length && text[at] is '<' or '\'' ? Name(text[at++] == '<' ? '>' : '\'') : throw new FormatException("has a \\k without a name");
            int number = int.TryParse(name, NumberStyles.None, CultureInfo.InvariantCulture, out int known) ? known : groupNames.IndexOf(name);
            return number > 0 && number < groupNames.Count
                ? new PatternNode.BackReference(number, ignoreCase)
                : throw new FormatException($"refers back to group {name}, which is not there yet");
        }
        if (c == 'R')
        {
            at++;
            PatternNode pair = new PatternNode.Sequence([new PatternNode.Set(CharacterSet.Of('\r')), new PatternNode.Set(CharacterSet.Of('\n'))]);
            PatternNode one = new PatternNode.Set(CharacterSet.Of([(0x0A, 0x0D), (0x85, 0x85), (0x2028, 0x2029)]));
            return new PatternNode.Atomic(new PatternNode.Choice([pair, one]));
        }
        if (c is 'N' or 'O')
        {
            at++;
            return new PatternNode.Set(c == 'O' ? Properties.All : Properties.NotNewLine);
        }
        if (c is 'X' or 'K' or 'y' or 'Y' or 'g')
        {
            throw new NotSupportedException($"uses \\{c}, which is not supported");
        }
        return SetEscape(inClass: false, out CharacterSet set, out int codePoint) ? new PatternNode.Set(set) : Literal(codePoint);
    }

    // What a backslash stands for, in a class or outside: a set, or a character.
    private bool SetEscape(bool inClass, out CharacterSet set, out int codePoint)
    {
        char c = text[at++];
        codePoint = -1;
        set = c switch
        {
            's' => Properties.Space,
            'S' => Properties.Space.Not(),
            'd' => Properties.Digit,
            'D' => Properties.Digit.Not(),
            'w' => inClass ? Properties.WordInClass : Properties.Word,
            'W' => (inClass ? Properties.WordInClass : Properties.Word).Not(),
            'h' => Properties.HexDigit,
            'H' => Properties.HexDigit.Not(),
            'p' or 'P' when at < text.Length && text[at] == '{' => Property(c == 'P'),
            _ => Properties.All,
        };
        if (!ReferenceEquals(set, Properties.All))
        {
            return true;
        }
        codePoint = c switch
        {
            't' => '\t',
            'n' => '\n',
            'r' => '\r',
            'f' => '\f',
            'v' => '\v',
            'a' => '\a',
            'e' => 0x1B,
            'x' => Hexadecimal(),
            'u' => FixedHexadecimal(4),
            >= '0' and <= '7' => Octal(),
            'c' or 'C' or 'M' => throw new NotSupportedException($"uses \\{c}, which is not supported"),
            _ => Back(),
        };
        return false;

        int Back()
        {
            at--;
            return CodePoint();
        }
    }

    private CharacterSet Property(bool negative)
    {
        at++;
        if (Take('^'))
        {
            negative = !negative;
        }
        string name = Name('}');
        CharacterSet set = Properties.Get(name) ?? throw new NotSupportedException($"uses \\p{{{name}}}, which is not supported");
        return negative ? set.Not() : set;
    }

    private int Hexadecimal()
    {
        if (!Take('{'))
        {
            int start = at;
            while (at < text.Length && at < start + 2 && char.IsAsciiHexDigit(text[at]))
            {
                at++;
            }
            return at == start ? 0 : int.Parse(text.AsSpan(start, at - start), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture);
        }
        string digits = Name('}');
        return int.TryParse(digits, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out int value) && Rune.IsValid(value)
            ? value
            : throw new FormatException($"has the character \\x{{{digits}}}, which does not exist");
    }

    private int FixedHexadecimal(int length)
    {
        if (at + length > text.Length || !int.TryParse(text.AsSpan(at, length), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out int value) || !Rune.IsValid(value))
        {
            throw new FormatException("has a \\u without four hexadecimal digits of a character");
        }
        at += length;
        return value;
    }

    private int Octal()
    {
        at--;
        int value = 0;
        for (int digits = 0; digits < 3 && at < text.Length && text[at] is >= '0' and <= '7'; digits++)
        {
            value = value * 8 + text[at++] - '0';
        }
        return value & 0xFF;
    }

    // Behind [: members, ranges, nested classes, and && between whole classes.
    private CharacterSet Class()
    {
        if (++depth > MostNesting)
        {
            throw new NotSupportedException($"nests classes more than {MostNesting} deep");
        }
        bool negative = Take('^');
        CharacterSet? all = null;
        List<(int, int)> ranges = [];
        // A ] that comes first is a member.
        bool first = at < text.Length && text[at] == ']' && text.IndexOf(']', at + 1) > 0;
        while (true)
        {
            if (at >= text.Length)
            {
                throw new FormatException("has a [ without its ]");
            }
            if (text[at] == ']' && !first)
            {
                at++;
                break;
            }
            first = false;
            if (TakeAll("&&"))
            {
                all = And(all, ranges);
                ranges.Clear();
                continue;
            }
            Member(ranges);
        }
        depth--;
        CharacterSet set = And(all, ranges);
        set = ignoreCase ? set.IgnoreCase() : set;
        return negative ? set.Not() : set;
    }

    private static CharacterSet And(CharacterSet? all, List<(int, int)> ranges)
    {
        CharacterSet set = CharacterSet.Of(ranges);
        return all is null ? set : all.And(set);
    }

    private void Member(List<(int, int)> ranges)
    {
        if (TakeAll("[:"))
        {
            int close = text.IndexOf(":]", at, StringComparison.Ordinal);
            if (close > 0 && close - at <= 20)
            {
                bool negative = Take('^');
                string name = text[at..close];
                CharacterSet set = Properties.Get(name, posix: true) ?? throw new FormatException($"has the class [:{name}:], which does not exist");
                at = close + 2;
                ranges.AddRange((negative ? set.Not() : set).Ranges);
                return;
            }
            at -= 2;
        }
        if (Take('['))
        {
            ranges.AddRange(Class().Ranges);
            return;
        }
        if (ClassCharacter(out CharacterSet known) is not { } from)
        {
            ranges.AddRange(known.Ranges);
            return;
        }
        if (at + 1 < text.Length && text[at] == '-' && text[at + 1] != ']')
        {
            int dash = at++;
            if (text[at] == '[' || ClassCharacter(out _) is not { } to)
            {
                // A range must end with a character; else the dash is one.
                at = dash;
                ranges.Add((from, from));
                return;
            }
            ranges.Add(from <= to ? (from, to) : throw new FormatException("has a range in a class that ends before it begins"));
            return;
        }
        ranges.Add((from, from));
    }

    // A character of a class, or null and a set.
    private int? ClassCharacter(out CharacterSet set)
    {
        set = Properties.All;
        if (!Take('\\'))
        {
            return CodePoint();
        }
        if (at == text.Length)
        {
            throw new FormatException("ends with a backslash");
        }
        if (text[at] == 'b')
        {
            at++;
            return '\b';
        }
        return SetEscape(inClass: true, out set, out int codePoint) ? null : codePoint;
    }

    private int CodePoint()
    {
        if (Rune.DecodeFromUtf16(text.AsSpan(at), out Rune rune, out int used) != System.Buffers.OperationStatus.Done)
        {
            throw new FormatException("ends within a character");
        }
        at += used;
        return rune.Value;
    }

    private bool Take(char c)
    {
        bool found = at < text.Length && text[at] == c;
        at += found ? 1 : 0;
        return found;
    }

    private bool TakeAll(string s)
    {
        bool found = string.CompareOrdinal(text, at, s, 0, s.Length) == 0;
        at += found ? s.Length : 0;
        return found;
    }
}
