namespace Lorikeet.Models.Text.Templates;

/// <summary>Text of the template.</summary>
internal sealed class DataNode(string text, int line) : Statement(line)
{
    public string Text => text;

    public override IEnumerable<(Node, Place)> Parts => [];

    public override Flow Execute(Interpreter run, Scope scope)
    {
        run.Output.Append(text);
        return Flow.Next;
    }
}

/// <summary><c>{{ value }}</c></summary>
internal sealed class PrintNode(Expression value, int line) : Statement(line)
{
    public override IEnumerable<(Node, Place)> Parts => [(value, Place.Same)];

    public override Flow Execute(Interpreter run, Scope scope)
    {
        run.Write(run.Evaluate(value, scope));
        return Flow.Next;
    }
}

/// <summary><c>if</c>, <c>elif</c>, <c>else</c>: no scope of their own.</summary>
internal sealed class IfNode(IReadOnlyList<(Expression Test, IReadOnlyList<Statement> Body)> branches, IReadOnlyList<Statement> otherwise, int line) : Statement(line)
{
    public override IEnumerable<(Node, Place)> Parts => branches
        .SelectMany(b => b.Body.Cast<Node>().Prepend(b.Test)).Concat(otherwise).Select(n => (n, Place.Branch));

    public override Flow Execute(Interpreter run, Scope scope)
    {
        foreach ((Expression test, IReadOnlyList<Statement> body) in branches)
        {
            if (run.Evaluate(test, scope).IsTrue)
            {
                return run.Execute(body, scope);
            }
        }
        return run.Execute(otherwise, scope);
    }
}

/// <summary><c>break</c>, <c>continue</c></summary>
internal sealed class LoopControlNode(Flow flow, int line) : Statement(line)
{
    public override IEnumerable<(Node, Place)> Parts => [];

    public override Flow Execute(Interpreter run, Scope scope) => flow;
}

/// <summary><c>with a = b</c>: the values are those of the scope around it.</summary>
internal sealed class WithNode(IReadOnlyList<(Expression Target, Expression Value)> values, IReadOnlyList<Statement> body, int line) : Statement(line)
{
    public override IEnumerable<(Node, Place)> Parts => values.SelectMany(v => new[] { ((Node)v.Target, Place.Inner), (v.Value, Place.Same) })
        .Concat(body.Select(s => ((Node)s, Place.Inner)));

    public override Flow Execute(Interpreter run, Scope scope)
    {
        Scope inner = new(scope);
        foreach ((Expression target, Expression value) in values)
        {
            Assignment.Assign(run, inner, target, run.Evaluate(value, scope));
        }
        return run.Execute(body, inner);
    }
}

/// <summary><c>autoescape on</c></summary>
internal sealed class AutoescapeNode(Expression on, IReadOnlyList<Statement> body, int line) : Statement(line)
{
    public override IEnumerable<(Node, Place)> Parts => body.Select(s => ((Node)s, Place.Inner)).Prepend((on, Place.Inner));

    public override Flow Execute(Interpreter run, Scope scope)
    {
        Scope inner = new(scope);
        bool before = run.Autoescape;
        run.Autoescape = run.Evaluate(on, inner).IsTrue;
        try
        {
            return run.Execute(body, inner);
        }
        finally
        {
            run.Autoescape = before;
        }
    }
}

/// <summary><c>filter name</c>: filters the body's text.</summary>
internal sealed class FilterBlockNode(FilterNode filter, IReadOnlyList<Statement> body, int line) : Statement(line)
{
    public override IEnumerable<(Node, Place)> Parts => body.Select(s => ((Node)s, Place.Inner)).Prepend((filter, Place.Inner));

    public override Flow Execute(Interpreter run, Scope scope)
    {
        Scope inner = new(scope);
        (Flow flow, StringValue text) = run.Capture(body, inner);
        if (flow == Flow.Next)
        {
            run.Write(filter.Evaluate(run, inner, text));
        }
        return flow;
    }
}

/// <summary><c>include</c>, <c>import</c>, <c>from</c>, <c>extends</c>: there are no other templates.</summary>
internal sealed class LoadNode(Expression template, int line) : Statement(line)
{
    public override IEnumerable<(Node, Place)> Parts => [(template, Place.Same)];

    public override Flow Execute(Interpreter run, Scope scope)
    {
        run.Evaluate(template, scope);
        throw Raise.Runtime("no loader for this environment specified: a chat template cannot load others");
    }
}
