namespace Lorikeet.Models.Text.Templates;

/// <summary>The arguments of a call, filter or test.</summary>
internal sealed class ArgumentList(
    IReadOnlyList<Expression> positional, IReadOnlyList<(string Name, Expression Value)> named, Expression? all, Expression? allNamed)
{
    public static readonly ArgumentList None = new([], [], null, null);

    public IEnumerable<(Node, Place)> Parts => positional
        .Concat(named.Select(n => n.Value)).Append(all).Append(allNamed).Where(e => e is not null).Select(e => ((Node)e!, Place.Same));

    public static ArgumentList One(Expression value) => new([value], [], null, null);

    public Arguments Evaluate(Interpreter run, Scope scope, Value? caller = null)
    {
        if (positional.Count + named.Count == 0 && all is null && allNamed is null && caller is null)
        {
            return Arguments.None;
        }
        List<Value> values = [.. run.EvaluateAll(positional, scope)];
        List<KeyValuePair<string, Value>> names = [];
        HashSet<string> known = [];
        foreach ((string name, Expression value) in named)
        {
            Add(name, run.Evaluate(value, scope));
        }
        if (caller is not null)
        {
            Add("caller", caller);
        }
        if (all is not null)
        {
            foreach (Value value in run.Enumerate(run.Evaluate(all, scope)))
            {
                run.Budget.Make(1);
                values.Add(value);
            }
        }
        if (allNamed is not null)
        {
            Value given = run.Evaluate(allNamed, scope);
            foreach ((Value key, Value value) in given is DictValue dict ? dict.Entries : throw Raise.Runtime($"argument after ** must be a mapping, not {given.TypeName}"))
            {
                Add(key is StringValue s ? s.Text : throw Raise.Runtime("keywords must be strings"), value);
            }
        }
        return new Arguments(values, names);

        void Add(string name, Value value)
        {
            if (!known.Add(name))
            {
                throw Raise.Runtime($"got multiple values for keyword argument '{name}'");
            }
            run.Budget.Make(1);
            names.Add(KeyValuePair.Create(name, value));
        }
    }
}

/// <summary><c>f(a, b=c)</c></summary>
internal sealed class CallNode(Expression function, ArgumentList arguments, int line) : Expression(line)
{
    public override IEnumerable<(Node, Place)> Parts => arguments.Parts.Prepend((function, Place.Same));

    public override Value Evaluate(Interpreter run, Scope scope) => Evaluate(run, scope, null);

    /// <summary>Calls it with the body of a call block.</summary>
    public Value Evaluate(Interpreter run, Scope scope, Value? caller)
    {
        Value called = run.Evaluate(function, scope);
        return run.Call(called, arguments.Evaluate(run, scope, caller));
    }
}

/// <summary><c>a | name(b)</c>; without a: the text of a filter block.</summary>
internal sealed class FilterNode(Expression? of, string name, ArgumentList arguments, int line) : Expression(line)
{
    public string Name => name;

    public override IEnumerable<(Node, Place)> Parts => of is null ? arguments.Parts : arguments.Parts.Prepend((of, Place.Same));

    public override Value Evaluate(Interpreter run, Scope scope) => Evaluate(run, scope, null);

    /// <summary>Filters, with the block's text where the chain of filters begins.</summary>
    public Value Evaluate(Interpreter run, Scope scope, Value? block)
    {
        Filter filter = FilterTable.Find(name) ?? throw Raise.Runtime($"No filter named {StringText.Represent(name)} found.");
        Value value = of is null ? block! : of is FilterNode inner && block is not null ? Inner(run, scope, inner, block) : run.Evaluate(of, scope);
        return filter.Apply(run, value, arguments.Evaluate(run, scope));
    }

    private static Value Inner(Interpreter run, Scope scope, FilterNode inner, Value block)
    {
        StackGuard.Check();
        return inner.Evaluate(run, scope, block);
    }
}

/// <summary><c>a is name(b)</c></summary>
internal sealed class TestNode(Expression of, string name, ArgumentList arguments, int line) : Expression(line)
{
    public string Name => name;

    public override IEnumerable<(Node, Place)> Parts => arguments.Parts.Prepend((of, Place.Same));

    public override Value Evaluate(Interpreter run, Scope scope)
    {
        Test test = TestTable.Find(name) ?? throw Raise.Runtime($"No test named {StringText.Represent(name)} found.");
        Value value = run.Evaluate(of, scope);
        return BoolValue.Of(test.Holds(run, value, arguments.Evaluate(run, scope)));
    }
}
