using Lorikeet.Tensors;

namespace Lorikeet.Models.Text.Templates;

/// <summary>Filters that pick or look at items.</summary>
internal static class ItemFilters
{
    public static Value Length(Interpreter run, Value value, Bound a) =>
        value.Length is { } length ? IntValue.Of(length) : throw Raise.Runtime($"object of type '{value.TypeName}' has no len()");

    public static Value Default(Interpreter run, Value value, Bound a) =>
        value is UndefinedValue || (a.Flag(1) && !value.IsTrue) ? a[0] ?? StringValue.Empty : value;

    public static Value First(Interpreter run, Value value, Bound a)
    {
        IEnumerator<Value> items = value.Iterate(run) ?? throw Raise.NotIterable(value);
        return items.MoveNext() ? items.Current : new UndefinedValue("No first item, sequence was empty.");
    }

    public static Value Last(Interpreter run, Value value, Bound a)
    {
        IEnumerator<Value> items = Backwards(run, value) ?? throw Raise.Runtime($"'{value.TypeName}' object is not reversible");
        return items.MoveNext() ? items.Current : new UndefinedValue("No last item, sequence was empty.");
    }

    public static Value Reverse(Interpreter run, Value value, Bound a)
    {
        if (value is StringValue text)
        {
            return text.Slice(run, NoneValue.None, NoneValue.None, IntValue.Of(-1));
        }
        if (Backwards(run, value) is { } items)
        {
            return new IteratorValue(items, "reversed");
        }
        List<Value> list = value.Iterate(run) is null ? throw Raise.Runtime("argument must be iterable") : run.List(value);
        list.Reverse();
        return new ListValue(list);
    }

    public static Value Items(Interpreter run, Value value, Bound a) => value switch
    {
        UndefinedValue => new IteratorValue(Enumerable.Empty<Value>().GetEnumerator()),
        DictValue dict => new IteratorValue(dict.Entries.Select(e => (Value)new TupleValue([e.Key, e.Value])).GetEnumerator()),
        _ => throw Raise.Runtime("Can only get item pairs from a mapping."),
    };

    public static Value Attr(Interpreter run, Value value, Bound a) => a.Get(0) is StringValue name
        ? value.Attribute(run, name.Text) ?? UndefinedValue.Member(run, value, name)
        : throw Raise.Runtime("attribute name must be string");

    /// <summary>Every run draws the same: a text must not change from one rendering to the next.</summary>
    public static Value Random(Interpreter run, Value value, Bound a)
    {
        int length = value.Length ?? throw Raise.Runtime($"object of type '{value.TypeName}' has no len()");
        return length == 0
            ? new UndefinedValue("No random item, sequence was empty.")
            : run.GetItem(value, IntValue.Of(new CounterRandom(0).Integer(0, length)));
    }

    // Sequences and dicts can be walked backwards, iterators cannot.
    private static IEnumerator<Value>? Backwards(Interpreter run, Value value)
    {
        switch (value)
        {
            case UndefinedValue:
                return Enumerable.Empty<Value>().GetEnumerator();
            case ListValue or TupleValue or RangeValue or BytesValue or StringValue:
                int length = value.Length ?? 0;
                return Enumerable.Range(1, length).Select(i => value.Item(run, IntValue.Of(length - i))!).GetEnumerator();
            case DictValue or DictView:
                List<Value> items = run.List(value);
                items.Reverse();
                return items.GetEnumerator();
            default:
                return null;
        }
    }
}
