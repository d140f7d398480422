using System.Diagnostics.CodeAnalysis;

namespace Lorikeet.Models.Text.Templates;

/// <summary>The variable <c>loop</c>: it walks the items and looks one ahead where it is asked to.</summary>
internal sealed class LoopValue(Interpreter run, IEnumerable<Value> items, int? known, int depth) : Value
{
    private IEnumerator<Value> walk = items.GetEnumerator();
    private int index = -1;
    private int? length = known;
    private Value? before;
    private Value? current;
    private Value? after;
    private IReadOnlyList<Value>? changed;

    /// <summary>Runs the loop's body over other items; null: the loop is not recursive.</summary>
    public Func<Value, StringValue>? Recurse { get; set; }

    public override string TypeName => "LoopContext";

    public override bool IsTrue => Count() > 0;

    public override bool IsCallable => true;

    public override int? Length => Count();

    /// <summary>Goes to the next item.</summary>
    public bool Next([NotNullWhen(true)] out Value? item)
    {
        item = Peek();
        if (item is null)
        {
            return false;
        }
        after = null;
        index++;
        before = current;
        current = item;
        return true;
    }

    public override Value? Attribute(Interpreter r, string name) => name switch
    {
        "index" => IntValue.Of(index + 1),
        "index0" => IntValue.Of(index),
        "revindex" => IntValue.Of(Count() - index),
        "revindex0" => IntValue.Of(Count() - index - 1),
        "first" => BoolValue.Of(index == 0),
        "last" => BoolValue.Of(Peek() is null),
        "length" => IntValue.Of(Count()),
        "depth" => IntValue.Of(depth + 1),
        "depth0" => IntValue.Of(depth),
        "previtem" => index == 0 ? new UndefinedValue("there is no previous item") : before,
        "nextitem" => Peek() ?? new UndefinedValue("there is no next item"),
        "cycle" => new FunctionValue(name, (_, arguments) => arguments.Positional.Count > 0
            ? arguments.Positional[index % arguments.Positional.Count]
            : throw Raise.Runtime("no items for cycling given")),
        "changed" => new FunctionValue(name, (_, arguments) => Changed(arguments.Positional)),
        _ => HiddenNames.Find(this, name, HiddenNames.Containers),
    };

    public override IEnumerator<Value>? Iterate(Interpreter r)
    {
        while (Next(out Value? item))
        {
            yield return new TupleValue([item, this]);
        }
    }

    public override Value Call(Interpreter r, Arguments arguments)
    {
        Value over = new Signature("loop", 1, "iterable").Bind(arguments).Get(0);
        return Recurse is not null
            ? Recurse(over)
            : throw Raise.Runtime("The loop must have the 'recursive' marker to be called recursively.");
    }

    public override void Represent(TextBuilder to) => to.Append($"<LoopContext {index + 1}/{Count()}>");

    private Value? Peek()
    {
        if (after is null && walk.MoveNext())
        {
            after = walk.Current;
        }
        return after;
    }

    private int Count()
    {
        if (length is { } counted)
        {
            return counted;
        }
        List<Value> rest = [];
        while (walk.MoveNext())
        {
            run.Budget.Make(1);
            rest.Add(walk.Current);
        }
        walk = rest.GetEnumerator();
        return (length = index + 1 + (after is null ? 0 : 1) + rest.Count).Value;
    }

    private BoolValue Changed(IReadOnlyList<Value> values)
    {
        bool same = changed is not null && changed.Count == values.Count && changed.Zip(values).All(pair => Comparison.Identical(pair.First, pair.Second));
        changed = values;
        return BoolValue.Of(!same);
    }
}
