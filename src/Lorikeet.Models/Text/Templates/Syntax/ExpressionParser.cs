namespace Lorikeet.Models.Text.Templates;

/// <summary>Reads expressions, one method a level of precedence, as Jinja's own parser has them.</summary>
internal sealed partial class ExpressionParser(TokenReader reader)
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
}
