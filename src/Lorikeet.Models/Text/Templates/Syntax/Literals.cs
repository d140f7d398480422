namespace Lorikeet.Models.Text.Templates;

/// <summary>A constant.</summary>
internal sealed class ConstantNode(Value value, int line) : Expression(line)
{
    public override IEnumerable<(Node, Place)> Parts => [];

    public override Value Evaluate(Interpreter run, Scope scope) => value;
}

/// <summary>A variable.</summary>
internal sealed class NameNode(string name, int line) : Expression(line)
{
    public string Name => name;

    /// <summary>Whether it is set here, not read.</summary>
    public bool Stored { get; set; }

    public override IEnumerable<(Node, Place)> Parts => [];

    public override Value Evaluate(Interpreter run, Scope scope) => scope.Find(name) ?? run.Global(name) ?? UndefinedValue.Name(name);
}

/// <summary><c>name.attribute</c> as the target of a set.</summary>
internal sealed class NamespaceTarget(string name, string attribute, int line) : Expression(line)
{
    public string Name => name;

    public string Attribute => attribute;

    public override IEnumerable<(Node, Place)> Parts => [];

    public override Value Evaluate(Interpreter run, Scope scope) => throw Raise.Syntax("a namespace's attribute stands here as a value", Line);
}

/// <summary><c>[a, b]</c></summary>
internal sealed class ListNode(IReadOnlyList<Expression> items, int line) : Expression(line)
{
    public override IEnumerable<(Node, Place)> Parts => items.Select(i => ((Node)i, Place.Same));

    public override Value Evaluate(Interpreter run, Scope scope) => new ListValue(run.EvaluateAll(items, scope));
}

/// <summary><c>(a, b)</c></summary>
internal sealed class TupleNode(IReadOnlyList<Expression> items, int line) : Expression(line)
{
    public IReadOnlyList<Expression> Items => items;

    public override IEnumerable<(Node, Place)> Parts => items.Select(i => ((Node)i, Place.Same));

    public override Value Evaluate(Interpreter run, Scope scope) => new TupleValue(run.EvaluateAll(items, scope));
}

/// <summary><c>{'a': b}</c></summary>
internal sealed class DictNode(IReadOnlyList<(Expression Key, Expression Value)> entries, int line) : Expression(line)
{
    public override IEnumerable<(Node, Place)> Parts => entries.SelectMany(e => new[] { ((Node)e.Key, Place.Same), (e.Value, Place.Same) });

    public override Value Evaluate(Interpreter run, Scope scope)
    {
        run.Budget.Make(entries.Count);
        DictValue dict = new(entries.Count);
        foreach ((Expression key, Expression value) in entries)
        {
            Value k = run.Evaluate(key, scope);
            dict.Set(k, run.Evaluate(value, scope));
        }
        return dict;
    }
}
