namespace Lorikeet.Models.Text.Templates;

/// <summary><c>+ - * / // % **</c></summary>
internal sealed class BinaryNode(string sign, Expression left, Expression right, int line) : Expression(line)
{
    public override IEnumerable<(Node, Place)> Parts => [(left, Place.Same), (right, Place.Same)];

    public override Value Evaluate(Interpreter run, Scope scope)
    {
        Value a = run.Evaluate(left, scope), b = run.Evaluate(right, scope);
        return Operators.Apply(run, sign, a, b);
    }
}

/// <summary>A sign before a number.</summary>
internal sealed class UnaryNode(bool minus, Expression of, int line) : Expression(line)
{
    public override IEnumerable<(Node, Place)> Parts => [(of, Place.Same)];

    public override Value Evaluate(Interpreter run, Scope scope) => minus ? Operators.Negate(run.Evaluate(of, scope)) : Operators.Plus(run.Evaluate(of, scope));
}

/// <summary><c>and</c>, <c>or</c>: one of the two values.</summary>
internal sealed class LogicNode(bool and, Expression left, Expression right, int line) : Expression(line)
{
    public override IEnumerable<(Node, Place)> Parts => [(left, Place.Same), (right, Place.Same)];

    public override Value Evaluate(Interpreter run, Scope scope)
    {
        Value first = run.Evaluate(left, scope);
        return first.IsTrue == and ? run.Evaluate(right, scope) : first;
    }
}

/// <summary><c>not</c></summary>
internal sealed class NotNode(Expression of, int line) : Expression(line)
{
    public override IEnumerable<(Node, Place)> Parts => [(of, Place.Same)];

    public override Value Evaluate(Interpreter run, Scope scope) => BoolValue.Of(!run.Evaluate(of, scope).IsTrue);
}

/// <summary><c>a &lt; b &lt;= c</c>: each holds with its neighbour.</summary>
internal sealed class CompareNode(Expression first, IReadOnlyList<(string Sign, Expression Value)> rest, int line) : Expression(line)
{
    public override IEnumerable<(Node, Place)> Parts => rest.Select(r => ((Node)r.Value, Place.Same)).Prepend((first, Place.Same));

    public override Value Evaluate(Interpreter run, Scope scope)
    {
        Value left = run.Evaluate(first, scope);
        foreach ((string sign, Expression value) in rest)
        {
            Value right = run.Evaluate(value, scope);
            if (!Comparison.Holds(run, sign, left, right))
            {
                return BoolValue.False;
            }
            left = right;
        }
        return BoolValue.True;
    }
}

/// <summary><c>a ~ b</c>: both as text.</summary>
internal sealed class ConcatNode(IReadOnlyList<Expression> parts, int line) : Expression(line)
{
    public override IEnumerable<(Node, Place)> Parts => parts.Select(p => ((Node)p, Place.Same));

    public override Value Evaluate(Interpreter run, Scope scope)
    {
        Value[] values = run.EvaluateAll(parts, scope);
        bool markup = run.Autoescape && values.Any(v => v is StringValue { IsMarkup: true });
        TextBuilder to = new(run.Budget);
        foreach (Value value in values)
        {
            to.Append(markup ? Markup.Escape(run, value) : run.Print(value));
        }
        return new StringValue(to.ToString(), markup);
    }
}

/// <summary><c>a if test else b</c></summary>
internal sealed class ConditionalNode(Expression test, Expression then, Expression? otherwise, int line) : Expression(line)
{
    public override IEnumerable<(Node, Place)> Parts => otherwise is null
        ? [(then, Place.Branch), (test, Place.Branch)]
        : [(then, Place.Branch), (test, Place.Branch), (otherwise, Place.Branch)];

    public override Value Evaluate(Interpreter run, Scope scope) =>
        run.Evaluate(test, scope).IsTrue ? run.Evaluate(then, scope)
        : otherwise is not null ? run.Evaluate(otherwise, scope)
        : new UndefinedValue($"the inline if-expression on line {Line} evaluated to false and no else section was defined.");
}
