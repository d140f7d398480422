namespace Lorikeet.Models.Text.Templates;

/// <summary>
/// Cuts a template into tokens, as Jinja 3.1 does with trim_blocks and lstrip_blocks on and no trailing newline kept. It looks at each
/// character a bounded number of times.
/// </summary>
internal sealed class Lexer
{
    private readonly string source;
    private readonly List<Token> tokens = [];
    private readonly Stack<char> brackets = new();
    private int position;
    private int line = 1;
    private int counted;
    private bool lineStarts = true;

    private Lexer(string source) => this.source = source;

    /// <summary>The tokens; the last is the end.</summary>
    /// <exception cref="TemplateException">The source is no template.</exception>
    public static List<Token> Read(string source)
    {
        string plain = source.Replace("\r\n", "\n", StringComparison.Ordinal).Replace('\r', '\n');
        Lexer lexer = new(plain.EndsWith('\n') ? plain[..^1] : plain);
        lexer.Text();
        lexer.Add(TokenKind.End, "", lexer.source.Length);
        return lexer.tokens;
    }

    private void Text()
    {
        while (position < source.Length)
        {
            int tag = NextTag(position);
            if (tag < 0)
            {
                Add(TokenKind.Data, source[position..], position);
                return;
            }
            int open = position;
            char kind = source[tag + 1];
            int after = tag + 2;
            char sign = after < source.Length && source[after] is '-' or '+' ? source[after] : '\0';
            after += sign == 0 ? 0 : 1;
            Data(open, tag, sign, kind == '{');
            lineStarts = false;
            position = after;
            switch (kind)
            {
                case '#':
                    Comment();
                    break;
                case '%' when RawBegins(after) is var body && body >= 0:
                    lineStarts = source[body - 1] == '\n';
                    position = body;
                    Raw();
                    break;
                default:
                    Add(kind == '{' ? TokenKind.VariableBegin : TokenKind.BlockBegin, "", tag);
                    Tag(kind == '{' ? '}' : '%');
                    break;
            }
        }
    }

    // The text before a tag, with what the tag's sign or lstrip_blocks takes away.
    private void Data(int from, int to, char sign, bool variable)
    {
        int end = to;
        if (sign == '-')
        {
            while (end > from && CharacterFacts.IsSpace(source[end - 1]))
            {
                end--;
            }
        }
        else if (sign != '+' && !variable)
        {
            int start = to > from ? source.LastIndexOf('\n', to - 1, to - from) + 1 : from;
            bool found = start > 0 && start > from;
            start = found ? start : from;
            if ((found || lineStarts) && start < to && source.AsSpan(start, to - start).IndexOfAnyExcept(Blanks) < 0)
            {
                end = start;
            }
        }
        if (end > from)
        {
            Add(TokenKind.Data, source[from..end], from);
        }
    }

    private void Comment()
    {
        int end = source.IndexOf("#}", position, StringComparison.Ordinal);
        if (end < 0)
        {
            // At the very end of the source an opened comment or raw block is let pass.
            position = position >= source.Length ? position : throw Fail("Missing end of comment tag", position);
            return;
        }
        position = AfterEnd(end > position ? source[end - 1] : '\0', end + 2);
    }

    // Where the body begins, if {% at a place is {% raw %}; else -1.
    private int RawBegins(int after)
    {
        int word = Skip(after);
        if (string.CompareOrdinal(source, word, "raw", 0, 3) != 0)
        {
            return -1;
        }
        int end = Skip(word + 3);
        return string.CompareOrdinal(source, end, "-%}", 0, 3) == 0 ? Skip(end + 3) : string.CompareOrdinal(source, end, "%}", 0, 2) == 0 ? end + 2 : -1;
    }

    private void Raw()
    {
        int body = position;
        for (int tag = source.IndexOf("{%", body, StringComparison.Ordinal); tag >= 0; tag = source.IndexOf("{%", tag + 1, StringComparison.Ordinal))
        {
            int after = tag + 2;
            char sign = after < source.Length && source[after] is '-' or '+' ? source[after] : '\0';
            int word = Skip(after + (sign == 0 ? 0 : 1));
            if (string.CompareOrdinal(source, word, "endraw", 0, 6) != 0)
            {
                continue;
            }
            int end = Skip(word + 6);
            char last = end < source.Length ? source[end] : '\0';
            int close = last is '-' or '+' ? end + 1 : end;
            if (string.CompareOrdinal(source, close, "%}", 0, 2) == 0)
            {
                Data(body, tag, sign, false);
                position = AfterEnd(last, close + 2);
                return;
            }
        }
        position = position >= source.Length ? position : throw Fail("Missing end of raw directive", position);
    }

    // A tag's end takes the newline behind it; with - all white space, with + nothing.
    private int AfterEnd(char sign, int end)
    {
        int after = sign == '-' ? Skip(end) : sign != '+' && end < source.Length && source[end] == '\n' ? end + 1 : end;
        lineStarts = source[after - 1] == '\n';
        return after;
    }

    private void Tag(char close)
    {
        while (true)
        {
            position = Skip(position);
            if (position >= source.Length)
            {
                return;
            }
            if (brackets.Count == 0 && TagEnds(close))
            {
                return;
            }
            LexerParts.Piece piece = LexerParts.Next(source, position);
            if (piece.Length == 0)
            {
                throw Fail(piece.Text, position);
            }
            if (piece.Kind == TokenKind.Sign)
            {
                Balance(piece.Text[0], piece.Text);
            }
            Add(piece.Kind, piece.Text, position);
            position += piece.Length;
        }
    }

    private bool TagEnds(char close)
    {
        char sign = source[position];
        int at = sign == '-' || (sign == '+' && close == '%') ? position + 1 : position;
        if (at + 1 >= source.Length || source[at] != close || source[at + 1] != '}')
        {
            return false;
        }
        Add(close == '}' ? TokenKind.VariableEnd : TokenKind.BlockEnd, "", position);
        sign = at > position ? sign : '\0';
        position = close == '%' ? AfterEnd(sign, at + 2) : sign == '-' ? Skip(at + 2) : at + 2;
        lineStarts = source[position - 1] == '\n';
        return true;
    }

    private void Balance(char sign, string text)
    {
        switch (sign)
        {
            case '{' or '(' or '[':
                brackets.Push(sign == '{' ? '}' : sign == '(' ? ')' : ']');
                break;
            case '}' or ')' or ']':
                if (!brackets.TryPop(out char expected))
                {
                    throw Fail($"unexpected '{text}'", position);
                }
                if (expected != sign)
                {
                    throw Fail($"unexpected '{text}', expected '{expected}'", position);
                }
                break;
            default:
                break;
        }
    }

    private int NextTag(int from)
    {
        for (int at = source.IndexOf('{', from); at >= 0 && at + 1 < source.Length; at = source.IndexOf('{', at + 1))
        {
            if (source[at + 1] is '{' or '%' or '#')
            {
                return at;
            }
        }
        return -1;
    }

    private int Skip(int at)
    {
        while (at < source.Length && CharacterFacts.IsSpace(source[at]))
        {
            at++;
        }
        return at;
    }

    private void Add(TokenKind kind, string text, int at) => tokens.Add(new Token(kind, text, LineAt(at)));

    private int LineAt(int at)
    {
        if (at > counted)
        {
            line += source.AsSpan(counted, at - counted).Count('\n');
            counted = at;
        }
        return line;
    }

    private TemplateException Fail(string reason, int at) => Raise.Syntax(reason, LineAt(at));

    private static readonly System.Buffers.SearchValues<char> Blanks = System.Buffers.SearchValues.Create(
        [.. Enumerable.Range(0, 0x10000).Where(CharacterFacts.IsSpace).Select(c => (char)c)]);
}
