namespace Lorikeet.Models.Text.Templates;

/// <summary><c>set target = value</c></summary>
internal sealed class SetNode(Expression target, Expression value, int line) : Statement(line)
{
    public override IEnumerable<(Node, Place)> Parts => [(target, Place.Same), (value, Place.Same)];

    public override Flow Execute(Interpreter run, Scope scope)
    {
        Assignment.CheckNamespaces(run, scope, target);
        Assignment.Assign(run, scope, target, run.Evaluate(value, scope));
        return Flow.Next;
    }
}

/// <summary><c>set target</c> ... <c>endset</c>: the body's text, filtered.</summary>
internal sealed class SetBlockNode(Expression target, FilterNode? filter, IReadOnlyList<Statement> body, int line) : Statement(line)
{
    public override IEnumerable<(Node, Place)> Parts
    {
        get
        {
            IEnumerable<(Node, Place)> inner = body.Select(s => ((Node)s, Place.Inner)).Prepend((target, Place.Same));
            return filter is null ? inner : inner.Append((filter, Place.Inner));
        }
    }

    public override Flow Execute(Interpreter run, Scope scope)
    {
        Scope inner = new(scope);
        (Flow flow, StringValue text) = run.Capture(body, inner);
        if (flow != Flow.Next)
        {
            return flow;
        }
        Value value = filter is null ? text : filter.Evaluate(run, inner, text);
        Assignment.CheckNamespaces(run, scope, target);
        Assignment.Assign(run, scope, target, run.Autoescape ? new StringValue(run.Print(value), true) : value);
        return Flow.Next;
    }
}

/// <summary>Setting of targets.</summary>
internal static class Assignment
{
    public static void Assign(Interpreter run, Scope scope, Expression target, Value value)
    {
        switch (target)
        {
            case NameNode name:
                scope.Set(name.Name, value);
                break;
            case NamespaceTarget part:
                Namespace(run, scope, part).Set(new StringValue(part.Attribute), value);
                break;
            case TupleNode tuple:
                Unpack(run, scope, tuple.Items, value);
                break;
            default:
                throw Raise.Syntax("can't assign to this", target.Line);
        }
    }

    /// <summary>That what is set by a dot is a namespace is checked before the value is made.</summary>
    public static void CheckNamespaces(Interpreter run, Scope scope, Expression target)
    {
        if (target is NamespaceTarget part)
        {
            Namespace(run, scope, part);
        }
        else if (target is TupleNode tuple)
        {
            foreach (Expression item in tuple.Items)
            {
                CheckNamespaces(run, scope, item);
            }
        }
    }

    private static NamespaceValue Namespace(Interpreter run, Scope scope, NamespaceTarget target) =>
        (scope.Find(target.Name) ?? run.Global(target.Name)) as NamespaceValue ?? throw Raise.Runtime("cannot assign attribute on non-namespace object");

    private static void Unpack(Interpreter run, Scope scope, IReadOnlyList<Expression> targets, Value value)
    {
        if (value is not UndefinedValue && value.Iterate(run) is null)
        {
            throw Raise.Runtime($"cannot unpack non-iterable {value.TypeName} object");
        }
        List<Value> items = [];
        foreach (Value item in run.Enumerate(value))
        {
            if (items.Count == targets.Count)
            {
                throw Raise.Runtime($"too many values to unpack (expected {targets.Count})");
            }
            items.Add(item);
        }
        if (items.Count < targets.Count)
        {
            throw Raise.Runtime($"not enough values to unpack (expected {targets.Count}, got {items.Count})");
        }
        for (int i = 0; i < items.Count; i++)
        {
            Assign(run, scope, targets[i], items[i]);
        }
    }
}
