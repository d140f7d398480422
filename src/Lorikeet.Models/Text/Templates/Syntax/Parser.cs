namespace Lorikeet.Models.Text.Templates;

/// <summary>Reads a template into statements.</summary>
internal sealed class Parser
{
    private const int MostDepth = 100;

    // One line a tag.
    private static readonly Dictionary<string, Func<Parser, Statement>> Tags = new()
    {
        ["if"] = p => p.If(),
        ["for"] = p => p.For(),
        ["set"] = p => p.Set(),
        ["macro"] = p => p.Macro(),
        ["call"] = p => p.CallBlock(),
        ["filter"] = p => p.FilterBlock(),
        ["with"] = p => p.With(),
        ["print"] = p => p.Print(),
        ["block"] = p => p.Block(),
        ["autoescape"] = p => p.Autoescape(),
        ["generation"] = p => p.Generation(),
        ["break"] = p => p.LoopControl(Flow.Break),
        ["continue"] = p => p.LoopControl(Flow.Continue),
        ["include"] = p => p.Include(),
        ["import"] = p => p.Import(),
        ["from"] = p => p.From(),
        ["extends"] = p => p.Extends(),
    };

    private readonly TokenReader reader;
    private readonly ExpressionParser expressions;
    private readonly Stack<string> open = new();
    private readonly Stack<string[]> ends = new();
    private int loops;
    private bool generates;

    private Parser(List<Token> tokens)
    {
        reader = new TokenReader(tokens);
        expressions = new ExpressionParser(reader);
    }

    /// <summary>Reads a whole template.</summary>
    /// <exception cref="TemplateException">The source is no template.</exception>
    public static ParsedTemplate Read(string source)
    {
        Parser parser = new(Lexer.Read(source));
        List<Statement> body = parser.Statements();
        return new ParsedTemplate(body, NameWalk.Check(body), parser.generates);
    }

    // Up to a tag that ends the block, or the end of the template.
    private List<Statement> Statements(params string[] until)
    {
        List<Statement> body = [];
        if (until.Length > 0)
        {
            ends.Push(until);
        }
        if (ends.Count > MostDepth)
        {
            throw Raise.Syntax($"more than {MostDepth} blocks lie inside each other", reader.Line);
        }
        StackGuard.Check();
        while (reader.Current.Kind != TokenKind.End)
        {
            Token token = reader.Next();
            switch (token.Kind)
            {
                case TokenKind.Data:
                    body.Add(new DataNode(token.Text, token.Line));
                    break;
                case TokenKind.VariableBegin:
                    body.Add((Statement)new PrintNode(expressions.Tuple(), token.Line).Measured());
                    reader.Expect(TokenKind.VariableEnd);
                    break;
                default:
                    if (reader.Current.Kind == TokenKind.Name && until.Contains(reader.Current.Text))
                    {
                        ends.Pop();
                        return body;
                    }
                    body.Add(Tag());
                    reader.Expect(TokenKind.BlockEnd);
                    break;
            }
        }
        return until.Length == 0 ? body : throw Unclosed(null, reader.Line);
    }

    private Statement Tag()
    {
        Token name = reader.Current;
        if (name.Kind != TokenKind.Name)
        {
            throw Raise.Syntax("tag name expected", name.Line);
        }
        if (!Tags.TryGetValue(name.Text, out Func<Parser, Statement>? read))
        {
            throw Unclosed(name.Text, name.Line);
        }
        open.Push(name.Text);
        reader.Next();
        Statement statement = (Statement)read(this).Measured();
        open.Pop();
        return statement;
    }

    private TemplateException Unclosed(string? tag, int line)
    {
        string message = tag is null ? "Unexpected end of template." : $"Encountered unknown tag '{tag}'.";
        if (ends.TryPeek(out string[]? wanted))
        {
            string looking = string.Join(" or ", wanted.Select(w => $"'{w}'"));
            message += tag is not null && ends.Any(e => e.Contains(tag))
                ? $" You probably made a nesting mistake. Jinja is expecting this tag, but currently looking for {looking}."
                : $" Jinja was looking for the following tags: {looking}.";
        }
        return Raise.Syntax(open.TryPeek(out string? inner) ? $"{message} The innermost block that needs to be closed is '{inner}'." : message, line);
    }

    // The body of a block up to its ending words; the word that ended it is read.
    private List<Statement> Body(out Token end, params string[] until)
    {
        reader.SkipSign(":");
        reader.Expect(TokenKind.BlockEnd);
        List<Statement> body = Statements(until);
        end = reader.Next();
        return body;
    }

    private List<Statement> Body(string until) => Body(out _, until);

    // A body that is a function of its own: loops around it cannot be left from inside.
    private List<Statement> Function(string until)
    {
        int around = loops;
        loops = 0;
        List<Statement> body = Body(until);
        loops = around;
        return body;
    }

    private IfNode If()
    {
        int line = reader.Line;
        List<(Expression, IReadOnlyList<Statement>)> branches = [];
        while (true)
        {
            Expression test = expressions.Tuple(conditional: false);
            branches.Add((test, Body(out Token end, "elif", "else", "endif")));
            if (end.Text != "elif")
            {
                return new IfNode(branches, end.Text == "else" ? Body("endif") : [], line);
            }
        }
    }

    private ForNode For()
    {
        int line = reader.Line;
        Expression target = expressions.Target("in");
        reader.ExpectWord("in");
        Expression items = expressions.Tuple(conditional: false, end: "recursive");
        Expression? test = reader.SkipWord("if") ? expressions.Expression() : null;
        bool recursive = reader.SkipWord("recursive");
        int around = loops;
        loops++;
        List<Statement> body = Body(out Token end, "endfor", "else");
        loops = recursive ? 0 : around;
        List<Statement> otherwise = end.Text == "else" ? Body("endfor") : [];
        loops = around;
        if (NameWalk.Sets([target, .. body, .. otherwise], "loop") is { } set)
        {
            throw Raise.Syntax("Can't assign to special loop variable in for-loop target", set.Line);
        }
        return new ForNode(target, items, test, recursive, body, otherwise, line);
    }

    private Statement Set()
    {
        int line = reader.Line;
        Expression target = expressions.Target(namespaces: true);
        if (reader.SkipSign("="))
        {
            return new SetNode(target, expressions.Tuple(), line);
        }
        FilterNode? filter = expressions.Filters(null);
        return new SetBlockNode(target, filter, Body("endset"), line);
    }

    private MacroNode Macro()
    {
        int line = reader.Line;
        string name = expressions.NameTarget().Name;
        (List<string> parameters, List<Expression> defaults) = Parameters();
        MacroCode code = new(name, parameters, defaults, Function("endmacro"), line);
        code.Check();
        return new MacroNode(code, line);
    }

    private CallBlockNode CallBlock()
    {
        int line = reader.Line;
        (List<string> parameters, List<Expression> defaults) = reader.Current.Is("(") ? Parameters() : ([], []);
        if (expressions.Expression() is not CallNode call)
        {
            throw Raise.Syntax("expected call", line);
        }
        MacroCode code = new(null, parameters, defaults, Function("endcall"), line);
        code.Check();
        return new CallBlockNode(code, call, line);
    }

    private (List<string> Parameters, List<Expression> Defaults) Parameters()
    {
        List<string> parameters = [];
        List<Expression> defaults = [];
        reader.ExpectSign("(");
        while (!reader.Current.Is(")"))
        {
            if (parameters.Count > 0)
            {
                reader.ExpectSign(",");
            }
            parameters.Add(expressions.NameTarget().Name);
            if (reader.SkipSign("="))
            {
                defaults.Add(expressions.Expression());
            }
            else if (defaults.Count > 0)
            {
                throw Raise.Syntax("non-default argument follows default argument", reader.Line);
            }
        }
        reader.ExpectSign(")");
        return (parameters, defaults);
    }

    private FilterBlockNode FilterBlock()
    {
        int line = reader.Line;
        FilterNode filter = expressions.Filters(null, inline: true)!;
        return new FilterBlockNode(filter, Body("endfilter"), line);
    }

    private WithNode With()
    {
        int line = reader.Line;
        List<(Expression, Expression)> values = [];
        while (reader.Current.Kind != TokenKind.BlockEnd)
        {
            if (values.Count > 0)
            {
                reader.ExpectSign(",");
            }
            Expression target = expressions.Target();
            reader.ExpectSign("=");
            values.Add((target, expressions.Expression()));
        }
        return new WithNode(values, Body("endwith"), line);
    }

    private Statement Print()
    {
        int line = reader.Line;
        List<Statement> parts = [];
        while (reader.Current.Kind != TokenKind.BlockEnd)
        {
            if (parts.Count > 0)
            {
                reader.ExpectSign(",");
            }
            parts.Add((Statement)new PrintNode(expressions.Expression(), line).Measured());
        }
        return new IfNode([], parts, line);
    }

    private BlockNode Block()
    {
        int line = reader.Line;
        string name = reader.Expect(TokenKind.Name).Text;
        bool scoped = reader.SkipWord("scoped"), required = reader.SkipWord("required");
        if (reader.Current.Is("-"))
        {
            throw Raise.Syntax("Block names in Jinja have to be valid Python identifiers and may not contain hyphens, use an underscore instead.", reader.Line);
        }
        List<Statement> body = Function("endblock");
        if (required && body.Exists(s => s is not DataNode data || !data.Text.All(c => CharacterFacts.IsSpace(c))))
        {
            throw Raise.Syntax("Required blocks can only contain comments or whitespace", reader.Line);
        }
        reader.SkipWord(name);
        return new BlockNode(name, scoped, required, body, line);
    }

    private AutoescapeNode Autoescape()
    {
        int line = reader.Line;
        Expression on = expressions.Expression();
        return new AutoescapeNode(on, Body("endautoescape"), line);
    }

    private GenerationNode Generation()
    {
        int line = reader.Line;
        generates = true;
        return new GenerationNode(new MacroCode(null, [], [], Function("endgeneration"), line), line);
    }

    private LoopControlNode LoopControl(Flow flow) => loops > 0
        ? new LoopControlNode(flow, reader.Line)
        : throw Raise.Syntax(flow == Flow.Break ? "'break' outside loop" : "'continue' not properly in loop", reader.Line);

    private LoadNode Include()
    {
        int line = reader.Line;
        Expression template = expressions.Expression();
        if (reader.Current.IsWord("ignore") && reader.Look.IsWord("missing"))
        {
            reader.Next();
            reader.Next();
        }
        SkipContext();
        return new LoadNode(template, line);
    }

    private LoadNode Import()
    {
        int line = reader.Line;
        Expression template = expressions.Expression();
        reader.ExpectWord("as");
        expressions.NameTarget();
        SkipContext();
        return new LoadNode(template, line);
    }

    private LoadNode From()
    {
        int line = reader.Line;
        Expression template = expressions.Expression();
        reader.ExpectWord("import");
        bool first = true;
        while (first || reader.SkipSign(","))
        {
            first = false;
            if (SkipContext())
            {
                break;
            }
            NameNode name = expressions.NameTarget();
            if (name.Name.StartsWith('_'))
            {
                throw Raise.Syntax("names starting with an underline can not be imported", name.Line);
            }
            if (reader.SkipWord("as"))
            {
                expressions.NameTarget();
            }
            if (SkipContext())
            {
                break;
            }
        }
        return new LoadNode(template, line);
    }

    private LoadNode Extends() => new(expressions.Expression(), reader.Line);

    private bool SkipContext()
    {
        bool there = (reader.Current.IsWord("with") || reader.Current.IsWord("without")) && reader.Look.IsWord("context");
        if (there)
        {
            reader.Next();
            reader.Next();
        }
        return there;
    }
}
