namespace Lorikeet.Models.Text.Templates;

/// <summary>Parameters and body of a macro or a call block.</summary>
internal sealed class MacroCode(
    string? name, IReadOnlyList<string> parameters, IReadOnlyList<Expression> defaults, IReadOnlyList<Statement> body, int line)
{
    private readonly IReadOnlySet<string> reads = NameWalk.Reads(body, "caller", "kwargs", "varargs");

    public string? Name => name;

    public IReadOnlyList<string> Parameters => parameters;

    public IReadOnlyList<Statement> Body => body;

    public bool TakesCaller => reads.Contains("caller") && !parameters.Contains("caller");

    public bool TakesNamed => reads.Contains("kwargs") && !parameters.Contains("kwargs");

    public bool TakesMore => reads.Contains("varargs") && !parameters.Contains("varargs");

    public IEnumerable<(Node, Place)> Parts => defaults.Cast<Node>().Concat(body).Select(n => (n, Place.Inner));

    /// <summary>The default of a parameter; null: it has none.</summary>
    public Expression? Default(int index) => index < parameters.Count - defaults.Count ? null : defaults[index - parameters.Count + defaults.Count];

    /// <summary>Checks what Jinja checks when it compiles a macro.</summary>
    public void Check()
    {
        if (reads.Contains("caller") && parameters.ToList().IndexOf("caller") is var at && at >= 0 && Default(at) is null)
        {
            throw Raise.Syntax("When defining macros or call blocks the special \"caller\" argument must be omitted or be given a default.", line);
        }
        if (parameters.Distinct().Count() != parameters.Count)
        {
            throw Raise.Syntax("a parameter's name occurs twice", line);
        }
    }
}

/// <summary><c>macro name(parameters)</c></summary>
internal sealed class MacroNode(MacroCode code, int line) : Statement(line)
{
    public string Name => code.Name!;

    public override IEnumerable<(Node, Place)> Parts => code.Parts;

    public override Flow Execute(Interpreter run, Scope scope)
    {
        scope.Set(Name, new MacroValue(run, code, scope));
        return Flow.Next;
    }
}

/// <summary><c>call(parameters) f(arguments)</c>: calls f with the body as its <c>caller</c>.</summary>
internal sealed class CallBlockNode(MacroCode code, CallNode call, int line) : Statement(line)
{
    public override IEnumerable<(Node, Place)> Parts => code.Parts.Prepend((call, Place.Same));

    public override Flow Execute(Interpreter run, Scope scope)
    {
        run.Write(call.Evaluate(run, scope, new MacroValue(run, code, scope)));
        return Flow.Next;
    }
}

/// <summary><c>generation</c>: the body is what the assistant says; its place in the text is noted.</summary>
internal sealed class GenerationNode(MacroCode code, int line) : Statement(line)
{
    public override IEnumerable<(Node, Place)> Parts => code.Parts;

    public override Flow Execute(Interpreter run, Scope scope)
    {
        string text = run.Print(new MacroValue(run, code, scope).Call(run, Arguments.None));
        run.NoteGeneration(text);
        run.Output.Append(text);
        return Flow.Next;
    }
}

/// <summary><c>block name</c>: runs in place, and sees only the template's own variables unless it is scoped.</summary>
internal sealed class BlockNode(string name, bool scoped, bool required, IReadOnlyList<Statement> body, int line) : Statement(line)
{
    public string Name => name;

    public bool Scoped => scoped;

    public override IEnumerable<(Node, Place)> Parts => body.Select(s => ((Node)s, Place.Inner));

    public override Flow Execute(Interpreter run, Scope scope)
    {
        if (required)
        {
            throw Raise.Runtime($"Required block '{name}' not found");
        }
        Run(run, scoped ? scope : run.Root);
        return Flow.Next;
    }

    /// <summary>Runs the body.</summary>
    public void Run(Interpreter run, Scope around)
    {
        run.Budget.Enter();
        Scope inner = new(around);
        inner.Set("self", new SelfValue());
        inner.Set("super", new UndefinedValue($"there is no parent block called '{name}'."));
        run.Execute(body, inner);
        run.Budget.Leave();
    }
}
