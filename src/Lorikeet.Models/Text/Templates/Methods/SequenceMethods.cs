namespace Lorikeet.Models.Text.Templates;

/// <summary>What lists, tuples and ranges share.</summary>
internal static class SequenceMethods
{
    private static readonly string[] Changing = ["append", "clear", "pop", "reverse", "insert", "sort", "extend", "remove"];

    public static Value? OfList(Interpreter run, ListValue self, string name) =>
        Array.IndexOf(Changing, name) >= 0 ? UndefinedValue.Unsafe(self, name)
        : name == "copy" ? new FunctionValue(name, (_, _) => self)
        : Common(self, name);

    public static Value? OfTuple(Interpreter run, TupleValue self, string name) => Common(self, name);

    public static Value? OfRange(Interpreter run, RangeValue self, string name) => Common(self, name);

    public static Value? Item(IReadOnlyList<Value> items, Value key)
    {
        if (Operators.AsIndex(key) is not { } index)
        {
            return null;
        }
        index += index < 0 ? items.Count : 0;
        return index < 0 || index >= items.Count ? null : items[(int)index];
    }

    public static Value[] Slice(Interpreter run, IReadOnlyList<Value> items, SliceRange range)
    {
        run.Budget.Make(range.Count);
        return [.. range.Indices().Select(i => items[i])];
    }

    public static void Represent(IReadOnlyList<Value> items, char open, char close, TextBuilder to)
    {
        to.Enter();
        to.Append(open);
        for (int i = 0; i < items.Count; i++)
        {
            to.Append(i > 0 ? ", " : "");
            items[i].Represent(to);
        }
        to.Append(close);
        to.Leave();
    }

    private static Value? Common(Value self, string name) => name switch
    {
        "count" => new FunctionValue(name, (run, arguments) =>
        {
            Value item = new Signature(name, 1, "value").Bind(arguments).Get(0);
            return IntValue.Of(run.Enumerate(self).Count(other => Comparison.Identical(other, item)));
        }),
        "index" => new FunctionValue(name, (run, arguments) => Index(run, self, new Signature(name, 1, "value", "start", "stop").Bind(arguments))),
        _ => HiddenNames.Find(self, name, HiddenNames.Containers),
    };

    private static IntValue Index(Interpreter run, Value self, Bound a)
    {
        int length = self.Length ?? 0, at = 0;
        int start = a.Number(1, 0), stop = a.Number(2, int.MaxValue);
        start = start < 0 ? Math.Max(0, start + length) : start;
        stop = stop < 0 ? stop + length : stop;
        foreach (Value item in run.Enumerate(self))
        {
            if (at >= start && at < stop && Comparison.Identical(item, a.Get(0)))
            {
                return IntValue.Of(at);
            }
            at++;
        }
        throw Raise.Runtime($"{run.Represent(a.Get(0))} is not in {self.TypeName}");
    }
}
