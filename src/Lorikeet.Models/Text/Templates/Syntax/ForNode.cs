namespace Lorikeet.Models.Text.Templates;

/// <summary><c>for target in items if test recursive</c> ... <c>else</c> ... <c>endfor</c>: each item has a scope of its own.</summary>
internal sealed class ForNode(
    Expression target, Expression items, Expression? test, bool recursive, IReadOnlyList<Statement> body, IReadOnlyList<Statement> otherwise, int line) : Statement(line)
{
    private readonly bool usesLoop = recursive || NameWalk.Reads(body, "loop").Contains("loop") || NameWalk.HasScopedBlock(body);

    public override IEnumerable<(Node, Place)> Parts
    {
        get
        {
            yield return (target, Place.Inner);
            yield return (items, Place.Same);
            foreach (Statement statement in body)
            {
                yield return (statement, Place.Inner);
            }
            foreach (Statement statement in otherwise)
            {
                yield return (statement, Place.Inner);
            }
            if (test is not null)
            {
                yield return (test, Place.Inner);
            }
        }
    }

    public override Flow Execute(Interpreter run, Scope scope) => Loop(run, scope, run.Evaluate(items, scope), 0);

    private Flow Loop(Interpreter run, Scope scope, Value over, int depth)
    {
        if (over.Iterate(run) is null)
        {
            throw Raise.NotIterable(over);
        }
        IEnumerable<Value> walk = run.Enumerate(over);
        LoopValue loop = test is null ? new LoopValue(run, walk, over.Length, depth) : new LoopValue(run, Chosen(run, scope, walk), null, depth);
        loop.Recurse = recursive ? deeper => Recurse(run, scope, deeper, depth + 1) : null;
        bool any = false;
        while (loop.Next(out Value? item))
        {
            Scope inner = new(scope);
            if (usesLoop)
            {
                inner.Set("loop", loop);
            }
            Assignment.Assign(run, inner, target, item);
            Flow flow = run.Execute(body, inner);
            // As Jinja compiles it: a turn that is cut short does not count for the else.
            any |= flow == Flow.Next;
            if (flow == Flow.Break)
            {
                break;
            }
        }
        return any || otherwise.Count == 0 ? Flow.Next : run.Execute(otherwise, new Scope(scope));
    }

    private IEnumerable<Value> Chosen(Interpreter run, Scope scope, IEnumerable<Value> walk)
    {
        foreach (Value item in walk)
        {
            Scope inner = new(scope);
            Assignment.Assign(run, inner, target, item);
            if (run.Evaluate(test!, inner).IsTrue)
            {
                yield return item;
            }
        }
    }

    private StringValue Recurse(Interpreter run, Scope scope, Value over, int depth)
    {
        run.Budget.Enter();
        StringValue text = run.Capture(() => Loop(run, scope, over, depth));
        run.Budget.Leave();
        return text;
    }
}
