namespace Lorikeet.Models.Text.Templates;

/// <summary><c>a.name</c></summary>
internal sealed class AttributeNode(Expression of, string name, int line) : Expression(line)
{
    public override IEnumerable<(Node, Place)> Parts => [(of, Place.Same)];

    public override Value Evaluate(Interpreter run, Scope scope) => run.GetAttribute(run.Evaluate(of, scope), name);
}

/// <summary><c>a[key]</c></summary>
internal sealed class ItemNode(Expression of, Expression key, int line) : Expression(line)
{
    public override IEnumerable<(Node, Place)> Parts => [(of, Place.Same), (key, Place.Same)];

    public override Value Evaluate(Interpreter run, Scope scope)
    {
        Value owner = run.Evaluate(of, scope);
        return run.GetItem(owner, run.Evaluate(key, scope));
    }
}

/// <summary><c>a[start:stop:step]</c></summary>
internal sealed class SliceNode(Expression of, Expression? start, Expression? stop, Expression? step, int line) : Expression(line)
{
    public override IEnumerable<(Node, Place)> Parts => new[] { of, start, stop, step }.Where(e => e is not null).Select(e => ((Node)e!, Place.Same));

    public override Value Evaluate(Interpreter run, Scope scope)
    {
        Value owner = run.Evaluate(of, scope);
        return owner.Slice(run, Part(start), Part(stop), Part(step));

        Value Part(Expression? part) => part is null ? NoneValue.None : run.Evaluate(part, scope);
    }
}
