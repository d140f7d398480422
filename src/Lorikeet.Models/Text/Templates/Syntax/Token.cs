namespace Lorikeet.Models.Text.Templates;

/// <summary>Kinds of tokens.</summary>
internal enum TokenKind
{
    /// <summary>Text outside of tags.</summary>
    Data,

    /// <summary><c>{{</c></summary>
    VariableBegin,

    /// <summary><c>}}</c></summary>
    VariableEnd,

    /// <summary><c>{%</c></summary>
    BlockBegin,

    /// <summary><c>%}</c></summary>
    BlockEnd,

    /// <summary>A name or word.</summary>
    Name,

    /// <summary>A string's value.</summary>
    String,

    /// <summary>A whole number's digits.</summary>
    Integer,

    /// <summary>A float's digits.</summary>
    Float,

    /// <summary>An operator or bracket.</summary>
    Sign,

    /// <summary>The end of the template.</summary>
    End,
}

/// <summary>A token of a template.</summary>
/// <param name="Kind">The kind.</param>
/// <param name="Text">Its text; of a string its value.</param>
/// <param name="Line">Its line, from 1.</param>
internal readonly record struct Token(TokenKind Kind, string Text, int Line)
{
    /// <summary>Whether it is that sign.</summary>
    public bool Is(string sign) => Kind == TokenKind.Sign && Text == sign;

    /// <summary>Whether it is that word.</summary>
    public bool IsWord(string word) => Kind == TokenKind.Name && Text == word;

    /// <summary>What it is, for messages.</summary>
    public string Describe() => Kind is TokenKind.Name or TokenKind.Sign ? Text : Describe(Kind);

    /// <summary>What a kind is, for messages.</summary>
    public static string Describe(TokenKind kind) => kind switch
    {
        TokenKind.Data => "template data / text",
        TokenKind.VariableBegin => "begin of print statement",
        TokenKind.VariableEnd => "end of print statement",
        TokenKind.BlockBegin => "begin of statement block",
        TokenKind.BlockEnd => "end of statement block",
        TokenKind.Name => "name",
        TokenKind.String => "string",
        TokenKind.Integer => "integer",
        TokenKind.Float => "float",
        TokenKind.End => "end of template",
        _ => "sign",
    };
}
