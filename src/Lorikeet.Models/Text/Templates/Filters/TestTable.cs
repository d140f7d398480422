using System.Collections.Frozen;

namespace Lorikeet.Models.Text.Templates;

/// <summary>Whether a test holds for a value and its bound arguments.</summary>
internal delegate bool TestBody(Interpreter run, Value value, Bound arguments);

/// <summary>A test.</summary>
internal sealed class Test(TestBody body, params string[] names)
{
    private readonly Signature signature = new("test", names.Length, names);

    public bool Holds(Interpreter run, Value value, Arguments arguments) => body(run, value, signature.Bind(arguments));
}

/// <summary>All tests of Jinja 3.1: one line each.</summary>
internal static class TestTable
{
    private static readonly FrozenDictionary<string, Test> Table = new Dictionary<string, Test>
    {
        ["odd"] = new((run, v, _) => Leaves(run, v, IntValue.Of(2), 1)),
        ["even"] = new((run, v, _) => Leaves(run, v, IntValue.Of(2), 0)),
        ["divisibleby"] = new((run, v, a) => Leaves(run, v, a.Get(0), 0), "num"),
        ["defined"] = new((_, v, _) => v is not UndefinedValue),
        ["undefined"] = new((_, v, _) => v is UndefinedValue),
        ["filter"] = new((_, v, _) => Named(v) is { } name && FilterTable.Find(name) is not null),
        ["test"] = new((_, v, _) => Named(v) is { } name && Find(name) is not null),
        ["none"] = new((_, v, _) => v is NoneValue),
        ["boolean"] = new((_, v, _) => v is BoolValue),
        ["false"] = new((_, v, _) => v == BoolValue.False),
        ["true"] = new((_, v, _) => v == BoolValue.True),
        ["integer"] = new((_, v, _) => v is IntValue),
        ["float"] = new((_, v, _) => v is FloatValue),
        ["lower"] = new((run, v, _) => StringMethods.IsLower(run, run.Print(v))),
        ["upper"] = new((run, v, _) => StringMethods.IsUpper(run, run.Print(v))),
        ["string"] = new((_, v, _) => v is StringValue),
        ["mapping"] = new((_, v, _) => v is DictValue),
        ["number"] = new((_, v, _) => v is IntValue or FloatValue or BoolValue),
        ["sequence"] = new((_, v, _) => v is StringValue or ListValue or TupleValue or DictValue or RangeValue or BytesValue or UndefinedValue),
        ["iterable"] = new((run, v, _) => v.Iterate(run) is not null),
        ["callable"] = new((_, v, _) => v.IsCallable),
        ["sameas"] = new((_, v, a) => IsSame(v, a.Get(0)), "other"),
        ["escaped"] = new((_, v, _) => v is StringValue { IsMarkup: true }),
        ["in"] = new((run, v, a) => Comparison.Contains(run, a.Get(0), v), "seq"),
        ["=="] = Compare("=="),
        ["eq"] = Compare("=="),
        ["equalto"] = Compare("=="),
        ["!="] = Compare("!="),
        ["ne"] = Compare("!="),
        [">"] = Compare(">"),
        ["gt"] = Compare(">"),
        ["greaterthan"] = Compare(">"),
        [">="] = Compare(">="),
        ["ge"] = Compare(">="),
        ["<"] = Compare("<"),
        ["lt"] = Compare("<"),
        ["lessthan"] = Compare("<"),
        ["<="] = Compare("<="),
        ["le"] = Compare("<="),
    }.ToFrozenDictionary();

    /// <summary>The test of a name; null: there is none.</summary>
    public static Test? Find(string name) => Table.GetValueOrDefault(name);

    /// <summary>The test of a name that a template computed.</summary>
    public static Test Require(Value name) => name is StringValue s && Find(s.Text) is { } test ? test : throw FilterTable.Unknown("test", name);

    private static Test Compare(string sign) => new((run, v, a) => Comparison.Holds(run, sign, v, a.Get(0)), "other");

    private static string? Named(Value value)
    {
        KeyComparer.Require(value);
        return (value as StringValue)?.Text;
    }

    private static bool Leaves(Interpreter run, Value value, Value by, int rest) => Comparison.Same(Operators.Apply(run, "%", value, by), IntValue.Of(rest));

    // One object in Python: singletons, small numbers, short texts that come from one place; equal ones of those kinds count as one here.
    private static bool IsSame(Value left, Value right) => ReferenceEquals(left, right)
        || (left is IntValue a && right is IntValue b && a.Value == b.Value && a.Value >= -5 && a.Value <= 256)
        || (left is StringValue s && right is StringValue t && s.Text == t.Text && s.IsMarkup == t.IsMarkup && s.Text.Length <= 1);
}
