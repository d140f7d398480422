namespace Lorikeet.Models.Text.Templates;

/// <summary><c>find</c>, <c>count</c>, <c>startswith</c> and their kin: places are code points.</summary>
internal static class StringFinding
{
    public static Value Find(Interpreter run, StringValue self, Bound a, bool last, bool must)
    {
        string part = Part(a.Get(0), "must be str");
        int found = Window(self, a) is var (from, to) && from >= 0
            ? last ? TextSearch.LastIndexOf(run, self.Text, part, from, to) : TextSearch.IndexOf(run, self.Text[..to], part, from)
            : -1;
        return found >= 0 ? IntValue.Of(CodePoints.Index(self.Text, self.Count, found))
            : must ? throw Raise.Runtime("substring not found")
            : IntValue.Of(-1);
    }

    public static Value Count(Interpreter run, StringValue self, Bound a)
    {
        string part = Part(a.Get(0), "must be str");
        (int from, int to) = Window(self, a);
        if (from < 0)
        {
            return IntValue.Of(0);
        }
        string text = self.Text[from..to];
        if (part.Length == 0)
        {
            return IntValue.Of(CodePoints.Count(text) + 1);
        }
        int count = 0;
        for (int at = TextSearch.IndexOf(run, text, part, 0); at >= 0; at = TextSearch.IndexOf(run, text, part, at + part.Length))
        {
            count++;
        }
        return IntValue.Of(count);
    }

    public static Value Affix(Interpreter run, StringValue self, Bound a, bool start)
    {
        (int from, int to) = Window(self, a);
        run.Budget.Work(self.Text.Length);
        IEnumerable<Value> affixes = a.Get(0) is TupleValue several ? several.Items : [a.Get(0)];
        foreach (Value affix in affixes)
        {
            string part = Part(affix, $"{(start ? "startswith" : "endswith")} first arg must be str or a tuple of str");
            if (from >= 0 && (start ? self.Text.AsSpan(from, to - from).StartsWith(part) : self.Text.AsSpan(from, to - from).EndsWith(part)))
            {
                return BoolValue.True;
            }
        }
        return BoolValue.False;
    }

    // The part of the text that start and end pick, in UTF-16 units; from is -1 where start lies behind the end.
    private static (int From, int To) Window(StringValue self, Bound a)
    {
        int count = self.Count;
        int start = Place(a[1], 0, count), end = Math.Min(Place(a[2], count, count), count);
        return start > end ? (-1, -1) : (CodePoints.Offset(self.Text, count, start), CodePoints.Offset(self.Text, count, end));
    }

    private static int Place(Value? value, int otherwise, int count)
    {
        if (value is null or NoneValue)
        {
            return otherwise;
        }
        long at = Operators.AsIndex(value) ?? throw Raise.Runtime("slice indices must be integers or None or have an __index__ method");
        return (int)Math.Clamp(at < 0 ? at + count : at, 0, (long)count + 1);
    }

    private static string Part(Value value, string expected) => value switch
    {
        StringValue s => s.Text,
        _ => throw Raise.Runtime($"{expected}, not {value.TypeName}"),
    };
}
