namespace Lorikeet.Models.Text.Templates;

/// <content>Names, literals, parentheses, lists and dicts.</content>
internal sealed partial class ExpressionParser
{
    private Expression Primary(bool namespaces)
    {
        Token token = reader.Current;
        switch (token.Kind)
        {
            case TokenKind.Name:
                reader.Next();
                switch (token.Text)
                {
                    case "true" or "True":
                        return new ConstantNode(BoolValue.True, token.Line);
                    case "false" or "False":
                        return new ConstantNode(BoolValue.False, token.Line);
                    case "none" or "None":
                        return new ConstantNode(NoneValue.None, token.Line);
                    default:
                        return namespaces && reader.SkipSign(".")
                            ? new NamespaceTarget(token.Text, reader.Expect(TokenKind.Name).Text, token.Line)
                            : new NameNode(token.Text, token.Line);
                }
            case TokenKind.String:
                System.Text.StringBuilder text = new();
                while (reader.Current.Kind == TokenKind.String)
                {
                    text.Append(reader.Next().Text);
                }
                return new ConstantNode(new StringValue(text.ToString()), token.Line);
            case TokenKind.Integer or TokenKind.Float:
                reader.Next();
                return new ConstantNode(Number(token), token.Line);
            case TokenKind.Sign when token.Text == "(":
                reader.Next();
                Expression inner = Nested(() => Tuple(parentheses: true));
                reader.ExpectSign(")");
                return inner;
            case TokenKind.Sign when token.Text == "[":
                return Nested(List);
            case TokenKind.Sign when token.Text == "{":
                return Nested(Dict);
            default:
                throw Raise.Syntax($"unexpected {StringText.Represent(token.Describe())}", token.Line);
        }
    }

    // Targets of assignments nest without passing Expression.
    private Expression Nested(Func<Expression> read)
    {
        if (++depth > MostDepth)
        {
            throw Raise.Syntax($"more than {MostDepth} expressions lie inside each other", reader.Line);
        }
        StackGuard.Check();
        Expression result = read();
        depth--;
        return result;
    }

    private static Value Number(Token token)
    {
        if (token.Kind == TokenKind.Float)
        {
            return new FloatValue(NumberText.Float(token.Text)!.Value);
        }
        return NumberText.Integer(token.Text, 0) is { } value
            ? IntValue.Of(value)
            : throw Raise.Syntax($"a number of {token.Text.Length} characters stands here; at most {IntValue.MostDigits} digits are read", token.Line);
    }

    private Expression List()
    {
        int line = reader.ExpectSign("[").Line;
        List<Expression> items = [];
        while (!reader.Current.Is("]"))
        {
            if (items.Count > 0)
            {
                reader.ExpectSign(",");
                if (reader.Current.Is("]"))
                {
                    break;
                }
            }
            items.Add(Expression());
        }
        reader.ExpectSign("]");
        return Made(new ListNode(items, line));
    }

    private Expression Dict()
    {
        int line = reader.ExpectSign("{").Line;
        List<(Expression, Expression)> entries = [];
        while (!reader.Current.Is("}"))
        {
            if (entries.Count > 0)
            {
                reader.ExpectSign(",");
                if (reader.Current.Is("}"))
                {
                    break;
                }
            }
            Expression key = Expression();
            reader.ExpectSign(":");
            entries.Add((key, Expression()));
        }
        reader.ExpectSign("}");
        return Made(new DictNode(entries, line));
    }
}
