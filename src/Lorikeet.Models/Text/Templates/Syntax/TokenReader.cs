namespace Lorikeet.Models.Text.Templates;

/// <summary>Walks through tokens.</summary>
internal sealed class TokenReader(List<Token> tokens)
{
    private int at;

    public Token Current => tokens[at];

    public Token Look => tokens[Math.Min(at + 1, tokens.Count - 1)];

    public int Line => Current.Line;

    public Token Next()
    {
        Token token = tokens[at];
        at = Math.Min(at + 1, tokens.Count - 1);
        return token;
    }

    public bool SkipWord(string word) => Skip(Current.IsWord(word));

    public bool SkipSign(string sign) => Skip(Current.Is(sign));

    public Token ExpectWord(string word) => Current.IsWord(word) ? Next() : throw Expected(word);

    public Token ExpectSign(string sign) => Current.Is(sign) ? Next() : throw Expected(sign);

    public Token Expect(TokenKind kind) => Current.Kind == kind ? Next() : throw Expected(Token.Describe(kind));

    private bool Skip(bool there)
    {
        if (there)
        {
            Next();
        }
        return there;
    }

    private TemplateException Expected(string what) => Raise.Syntax(
        Current.Kind == TokenKind.End ? $"unexpected end of template, expected '{what}'." : $"expected token '{what}', got {StringText.Represent(Current.Describe())}",
        Line);
}
