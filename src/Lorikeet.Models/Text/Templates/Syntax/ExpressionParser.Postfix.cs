namespace Lorikeet.Models.Text.Templates;

/// <content>What follows a value: attributes, items, slices, calls, filters, tests.</content>
internal sealed partial class ExpressionParser
{
    private Expression Postfix(Expression value)
    {
        while (true)
        {
            if (reader.Current.Is(".") || reader.Current.Is("["))
            {
                value = Subscript(value);
            }
            else if (reader.Current.Is("("))
            {
                value = Call(value);
            }
            else
            {
                return value;
            }
        }
    }

    private Expression FilterExpression(Expression value)
    {
        while (true)
        {
            if (reader.Current.Is("|"))
            {
                value = Filters(value)!;
            }
            else if (reader.Current.IsWord("is"))
            {
                value = Test(value);
            }
            else if (reader.Current.Is("("))
            {
                value = Call(value);
            }
            else
            {
                return value;
            }
        }
    }

    private Expression Call(Expression function)
    {
        int line = reader.Line;
        return Made(new CallNode(function, CallArguments(), line));
    }

    private Expression Subscript(Expression of)
    {
        Token open = reader.Next();
        if (open.Text == ".")
        {
            Token name = reader.Next();
            return name.Kind switch
            {
                TokenKind.Name => Made(new AttributeNode(of, name.Text, open.Line)),
                TokenKind.Integer => Made(new ItemNode(of, new ConstantNode(Number(name), name.Line), open.Line)),
                _ => throw Raise.Syntax("expected name or number", name.Line),
            };
        }
        List<Expression> keys = [];
        Expression? slice = null;
        while (!reader.Current.Is("]"))
        {
            if (keys.Count > 0 || slice is not null)
            {
                reader.ExpectSign(",");
            }
            if (slice is not null)
            {
                throw Raise.Syntax("a slice stands beside other keys, which nothing takes", open.Line);
            }
            Expression? start = reader.Current.Is(":") ? null : Expression();
            if (!reader.SkipSign(":"))
            {
                keys.Add(start!);
                continue;
            }
            if (keys.Count > 0)
            {
                throw Raise.Syntax("a slice stands beside other keys, which nothing takes", open.Line);
            }
            Expression? stop = AtSliceEnd() ? null : Expression();
            Expression? step = reader.SkipSign(":") && !AtSliceEnd() ? Expression() : null;
            slice = new SliceNode(of, start, stop, step, open.Line);
        }
        reader.ExpectSign("]");
        return Made(slice ?? new ItemNode(of, keys.Count == 1 ? keys[0] : Made(new TupleNode(keys, open.Line)), open.Line));
    }

    private bool AtSliceEnd() => reader.Current.Is(":") || reader.Current.Is("]") || reader.Current.Is(",");

    private string DottedName()
    {
        string name = reader.Expect(TokenKind.Name).Text;
        while (reader.SkipSign("."))
        {
            name += "." + reader.Expect(TokenKind.Name).Text;
        }
        return name;
    }

    private Expression Test(Expression of)
    {
        int line = reader.Next().Line;
        bool not = reader.SkipWord("not");
        string name = DottedName();
        ArgumentList arguments = ArgumentList.None;
        Token token = reader.Current;
        if (token.Is("("))
        {
            arguments = CallArguments();
        }
        else if ((token.Kind is TokenKind.Name or TokenKind.String or TokenKind.Integer or TokenKind.Float || token.Is("[") || token.Is("{"))
            && !(token.IsWord("else") || token.IsWord("or") || token.IsWord("and")))
        {
            if (token.IsWord("is"))
            {
                throw Raise.Syntax("You cannot chain multiple tests with is", token.Line);
            }
            arguments = ArgumentList.One(Postfix(Primary(false)));
        }
        Expression test = Made(new TestNode(of, name, arguments, line));
        return not ? Made(new NotNode(test, line)) : test;
    }

    private ArgumentList CallArguments()
    {
        int line = reader.ExpectSign("(").Line;
        List<Expression> positional = [];
        List<(string, Expression)> named = [];
        Expression? all = null, allNamed = null;
        bool comma = false;
        while (!reader.Current.Is(")"))
        {
            if (comma)
            {
                reader.ExpectSign(",");
                if (reader.Current.Is(")"))
                {
                    break;
                }
            }
            comma = true;
            if (reader.Current.Is("*"))
            {
                Ensure(all is null && allNamed is null);
                reader.Next();
                all = Expression();
            }
            else if (reader.Current.Is("**"))
            {
                Ensure(allNamed is null);
                reader.Next();
                allNamed = Expression();
            }
            else if (reader.Current.Kind == TokenKind.Name && reader.Look.Is("="))
            {
                Ensure(allNamed is null);
                string name = reader.Next().Text;
                reader.Next();
                Ensure(!named.Exists(n => n.Item1 == name));
                named.Add((name, Expression()));
            }
            else
            {
                Ensure(all is null && allNamed is null && named.Count == 0);
                positional.Add(Expression());
            }
        }
        reader.ExpectSign(")");
        return new ArgumentList(positional, named, all, allNamed);

        void Ensure(bool right)
        {
            if (!right)
            {
                throw Raise.Syntax("invalid syntax for function call expression", line);
            }
        }
    }
}
