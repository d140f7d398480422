namespace Lorikeet.Models.Text.Templates;

/// <summary>Filters that sort and compare.</summary>
internal static class OrderFilters
{
    public static Value Sort(Interpreter run, Value value, Bound a)
    {
        // Several attributes with commas between them are compared one after the other.
        IEnumerable<Value?> names = a[2] is StringValue text ? text.Text.Split(',').Select(name => (Value?)new StringValue(name)) : [a[2]];
        AttributePath[] paths = [.. names.Select(name => new AttributePath(name, foldCase: !a.Flag(1)))];
        return new ListValue(Sorted(run, run.List(value), item => new ListValue([.. paths.Select(path => path.Get(run, item))]), a.Flag(0)));
    }

    public static Value DictSort(Interpreter run, Value value, Bound a)
    {
        string by = a.Text(1) ?? "key";
        if (by is not ("key" or "value"))
        {
            throw Raise.Runtime("You can only sort by either \"key\" or \"value\"");
        }
        if (value is UndefinedValue undefined)
        {
            throw undefined.Fail();
        }
        DictValue dict = value as DictValue ?? throw Raise.Runtime($"'{value.TypeName}' object has no attribute 'items'");
        AttributePath path = new(null, foldCase: !a.Flag(0));
        run.Budget.Make(dict.Count);
        List<Value> items = [.. dict.Entries.Select(e => new TupleValue([e.Key, e.Value]))];
        return new ListValue(Sorted(run, items, item => path.Get(run, ((TupleValue)item).Items[by == "key" ? 0 : 1]), a.Flag(2)));
    }

    public static Value Extreme(Interpreter run, Value value, Bound a, bool largest)
    {
        AttributePath path = new(a[1], foldCase: !a.Flag(0));
        Value? best = null, bestKey = null;
        foreach (Value item in run.Enumerate(value))
        {
            Value key = path.Get(run, item);
            if (bestKey is null || (largest ? Comparison.Order(run, ">", key, bestKey) > 0 : Comparison.Order(run, "<", key, bestKey) < 0))
            {
                (best, bestKey) = (item, key);
            }
        }
        return best ?? new UndefinedValue("No aggregated item, sequence was empty.");
    }

    public static Value Unique(Interpreter run, Value value, Bound a)
    {
        AttributePath path = new(a[1], foldCase: !a.Flag(0));
        return new IteratorValue(Walk().GetEnumerator());

        IEnumerable<Value> Walk()
        {
            HashSet<Value> seen = new(KeyComparer.Instance);
            foreach (Value item in run.Enumerate(value))
            {
                Value key = path.Get(run, item);
                KeyComparer.Require(key);
                if (seen.Add(key))
                {
                    run.Budget.Make(1);
                    yield return item;
                }
            }
        }
    }

    /// <summary>Sorts by keys, stably, with nothing but "is less than", as Python does.</summary>
    public static List<Value> Sorted(Interpreter run, List<Value> items, Func<Value, Value> key, bool reverse)
    {
        (Value Key, Value Item)[] from = [.. items.Select(item => (key(item), item))];
        if (reverse)
        {
            Array.Reverse(from);
        }
        (Value Key, Value Item)[] to = new (Value, Value)[from.Length];
        for (int width = 1; width < from.Length; width *= 2)
        {
            for (int start = 0; start < from.Length; start += 2 * width)
            {
                Merge(run, from, to, start, Math.Min(start + width, from.Length), Math.Min(start + (2 * width), from.Length));
            }
            (from, to) = (to, from);
        }
        List<Value> sorted = [.. from.Select(pair => pair.Item)];
        if (reverse)
        {
            sorted.Reverse();
        }
        return sorted;
    }

    private static void Merge(Interpreter run, (Value Key, Value Item)[] from, (Value Key, Value Item)[] to, int start, int middle, int end)
    {
        int left = start, right = middle;
        for (int i = start; i < end; i++)
        {
            bool takeRight = left == middle || (right < end && Comparison.Order(run, "<", from[right].Key, from[left].Key) < 0);
            to[i] = takeRight ? from[right++] : from[left++];
        }
    }
}
