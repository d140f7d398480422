namespace Lorikeet.Models.Text.Templates;

/// <summary>Filters that make groups.</summary>
internal static class GroupFilters
{
    private static readonly string[] GroupNames = ["grouper", "list"];

    public static Value Batch(Interpreter run, Value value, Bound a)
    {
        int size = Operators.AsIndex(a.Get(0)) is null && a[1] is null or NoneValue ? int.MaxValue : a.Number(0, 1);
        Value? fill = a[1] is NoneValue ? null : a[1];
        return new IteratorValue(Walk().GetEnumerator());

        IEnumerable<Value> Walk()
        {
            List<Value> group = [];
            foreach (Value item in run.Enumerate(value))
            {
                if (group.Count == size)
                {
                    yield return new ListValue(group);
                    group = [];
                }
                run.Budget.Make(1);
                group.Add(item);
            }
            if (group.Count > 0)
            {
                if (fill is not null && group.Count < size)
                {
                    run.Budget.Make(size - group.Count);
                    group.AddRange(Enumerable.Repeat(fill, size - group.Count));
                }
                yield return new ListValue(group);
            }
        }
    }

    public static Value Slice(Interpreter run, Value value, Bound a)
    {
        int slices = a[0] is UndefinedValue missing ? throw missing.Fail() : a.Number(0, 1);
        Value? fill = a[1] is NoneValue ? null : a[1];
        return new IteratorValue(Walk().GetEnumerator());

        IEnumerable<Value> Walk()
        {
            List<Value> items = run.List(value);
            if (slices == 0)
            {
                throw Raise.Runtime("integer division or modulo by zero");
            }
            int size = (int)Arithmetic.FloorDivide(items.Count, slices), larger = items.Count - (size * slices), offset = 0;
            for (int i = 0; i < slices; i++)
            {
                run.Budget.Step();
                int start = offset + (i * size);
                offset += i < larger ? 1 : 0;
                int end = offset + ((i + 1) * size);
                run.Budget.Make(end - start + 1);
                List<Value> part = items[start..end];
                if (fill is not null && i >= larger)
                {
                    part.Add(fill);
                }
                yield return new ListValue(part);
            }
        }
    }

    public static Value GroupBy(Interpreter run, Value value, Bound a)
    {
        bool foldCase = !a.Flag(2);
        AttributePath key = new(a.Get(0), a[1], foldCase), shown = new(a.Get(0), a[1]);
        List<Value> groups = [];
        List<Value> group = [];
        Value? current = null;
        foreach (Value item in OrderFilters.Sorted(run, run.List(value), item => key.Get(run, item), false))
        {
            Value next = key.Get(run, item);
            if (current is null || !Comparison.Identical(current, next))
            {
                Close();
                current = next;
                group = [];
            }
            group.Add(item);
        }
        Close();
        return new ListValue(groups);

        void Close()
        {
            if (group.Count > 0)
            {
                groups.Add(new TupleValue([foldCase ? shown.Get(run, group[0]) : current!, new ListValue(group)], GroupNames));
            }
        }
    }
}
