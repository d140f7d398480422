namespace Lorikeet.Models.Text.Templates;

/// <summary>Reads expressions, one method a level of precedence, as Jinja's own parser has them.</summary>
internal sealed class ExpressionParser(TokenReader reader)
{
    private const int MostDepth = 200;
    private int depth;

    public Expression Expression(bool conditional = true)
    {
        if (++depth > MostDepth)
        {
            throw Raise.Syntax($"more than {MostDepth} expressions lie inside each other", reader.Line);
        }
        StackGuard.Check();
        Expression result = conditional ? Conditional() : Or();
        depth--;
        return result;
    }

    /// <summary>Expressions with commas between them: a tuple, or the one.</summary>
    /// <param name="conditional">Whether <c>a if b</c> is read.</param>
    /// <param name="end">A word that ends it, besides the end of a tag.</param>
    /// <param name="parentheses">Whether it stands in parentheses, where it may be empty.</param>
    /// <param name="primary">Whether only names and literals are read.</param>
    /// <param name="namespaces">Whether a dot makes a namespace's attribute.</param>
    public Expression Tuple(bool conditional = true, string? end = null, bool parentheses = false, bool primary = false, bool namespaces = false)
    {
        int line = reader.Line;
        List<Expression> items = [];
        bool tuple = false;
        while (true)
        {
            if (items.Count > 0)
            {
                reader.ExpectSign(",");
            }
            if (reader.Current.Kind is TokenKind.VariableEnd or TokenKind.BlockEnd || reader.Current.Is(")") || (end is not null && reader.Current.IsWord(end)))
            {
                break;
            }
            items.Add(primary ? Primary(namespaces) : Expression(conditional));
            if (!reader.Current.Is(","))
            {
                break;
            }
            tuple = true;
        }
        if (!tuple)
        {
            if (items.Count > 0)
            {
                return items[0];
            }
            if (!parentheses)
            {
                throw Raise.Syntax($"Expected an expression, got {StringText.Represent(reader.Current.Describe())}", reader.Line);
            }
        }
        return Made(new TupleNode(items, line));
    }

    /// <summary>What may stand left of <c>=</c>.</summary>
    public Expression Target(string? end = null, bool namespaces = false) => Stored(Tuple(end: end, primary: true, namespaces: namespaces));

    public NameNode NameTarget()
    {
        Token token = reader.Expect(TokenKind.Name);
        return (NameNode)Stored(token.Text is "true" or "false" or "none" or "True" or "False" or "None"
            ? new ConstantNode(NoneValue.None, token.Line)
            : new NameNode(token.Text, token.Line));
    }

    /// <summary>Filters after a value; without one they are a filter block's.</summary>
    public FilterNode? Filters(Expression? of, bool inline = false)
    {
        FilterNode? filter = null;
        while (inline || reader.Current.Is("|"))
        {
            if (!inline)
            {
                reader.Next();
            }
            inline = false;
            int line = reader.Line;
            string name = DottedName();
            ArgumentList arguments = reader.Current.Is("(") ? CallArguments() : ArgumentList.None;
            filter = (FilterNode)Made(new FilterNode(filter ?? of, name, arguments, line));
        }
        return filter;
    }

    private static Expression Stored(Expression target)
    {
        switch (target)
        {
            case NameNode name:
                name.Stored = true;
                return target;
            case NamespaceTarget:
                return target;
            case TupleNode tuple:
                foreach (Expression item in tuple.Items)
                {
                    Stored(item);
                }
                return target;
            default:
                throw Raise.Syntax($"can't assign to {(target is ConstantNode ? "'const'" : "this expression")}", target.Line);
        }
    }

    private static Expression Made(Expression expression) => (Expression)expression.Measured();

    private Expression Conditional()
    {
        int line = reader.Line;
        Expression value = Or();
        while (reader.SkipWord("if"))
        {
            Expression test = Or();
            Expression? otherwise = reader.SkipWord("else") ? Expression() : null;
            value = Made(new ConditionalNode(test, value, otherwise, line));
            line = reader.Line;
        }
        return value;
    }

    private Expression Or()
    {
        int line = reader.Line;
        Expression left = And();
        while (reader.SkipWord("or"))
        {
            left = Made(new LogicNode(false, left, And(), line));
            line = reader.Line;
        }
        return left;
    }

    private Expression And()
    {
        int line = reader.Line;
        Expression left = Not();
        while (reader.SkipWord("and"))
        {
            left = Made(new LogicNode(true, left, Not(), line));
            line = reader.Line;
        }
        return left;
    }

    private Expression Not()
    {
        List<int> lines = [];
        while (reader.Current.IsWord("not"))
        {
            lines.Add(reader.Next().Line);
        }
        Expression value = Compare();
        for (int i = lines.Count - 1; i >= 0; i--)
        {
            value = Made(new NotNode(value, lines[i]));
        }
        return value;
    }

    private Expression Compare()
    {
        int line = reader.Line;
        Expression first = Sum();
        List<(string, Expression)> rest = [];
        while (true)
        {
            if (reader.Current.Kind == TokenKind.Sign && reader.Current.Text is "==" or "!=" or "<" or "<=" or ">" or ">=")
            {
                rest.Add((reader.Next().Text, Sum()));
            }
            else if (reader.SkipWord("in"))
            {
                rest.Add(("in", Sum()));
            }
            else if (reader.Current.IsWord("not") && reader.Look.IsWord("in"))
            {
                reader.Next();
                reader.Next();
                rest.Add(("not in", Sum()));
            }
            else
            {
                return rest.Count == 0 ? first : Made(new CompareNode(first, rest, line));
            }
        }
    }

    private Expression Sum()
    {
        int line = reader.Line;
        Expression left = Concat();
        while (reader.Current.Is("+") || reader.Current.Is("-"))
        {
            string sign = reader.Next().Text;
            left = Made(new BinaryNode(sign, left, Concat(), line));
            line = reader.Line;
        }
        return left;
    }

    private Expression Concat()
    {
        int line = reader.Line;
        List<Expression> parts = [Product()];
        while (reader.SkipSign("~"))
        {
            parts.Add(Product());
        }
        return parts.Count == 1 ? parts[0] : Made(new ConcatNode(parts, line));
    }

    private Expression Product()
    {
        int line = reader.Line;
        Expression left = Power();
        while (reader.Current.Kind == TokenKind.Sign && reader.Current.Text is "*" or "/" or "//" or "%")
        {
            string sign = reader.Next().Text;
            left = Made(new BinaryNode(sign, left, Power(), line));
            line = reader.Line;
        }
        return left;
    }

    // Unlike Python's, Jinja's power joins to the left, and a sign binds tighter: -2 ** 2 is 4.
    private Expression Power()
    {
        int line = reader.Line;
        Expression left = Unary(true);
        while (reader.SkipSign("**"))
        {
            left = Made(new BinaryNode("**", left, Unary(true), line));
            line = reader.Line;
        }
        return left;
    }

    private Expression Unary(bool filters)
    {
        int line = reader.Line;
        Expression value;
        if (reader.Current.Is("-") || reader.Current.Is("+"))
        {
            if (++depth > MostDepth)
            {
                throw Raise.Syntax($"more than {MostDepth} signs stand before each other", line);
            }
            value = new UnaryNode(reader.Next().Text == "-", Unary(false), line);
            value = Made(value);
            depth--;
        }
        else
        {
            value = Primary(false);
        }
        value = Postfix(value);
        return filters ? FilterExpression(value) : value;
    }

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
