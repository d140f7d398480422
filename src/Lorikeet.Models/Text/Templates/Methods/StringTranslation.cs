namespace Lorikeet.Models.Text.Templates;

/// <summary><c>maketrans</c> and <c>translate</c>.</summary>
internal static class StringTranslation
{
    public static Value MakeTable(Bound a)
    {
        DictValue table = new();
        if (a[1] is null)
        {
            if (a.Get(0) is not DictValue given)
            {
                throw Raise.Runtime("if you give only one argument to maketrans it must be a dict");
            }
            foreach ((Value key, Value value) in given.Entries)
            {
                table.Set(key is StringValue { Count: 1 } s ? IntValue.Of(CodePoints.ValueAt(s.Text, 0)) : key is IntValue ? key
                    : throw Raise.Runtime("string keys in translate table must be of length 1"), value);
            }
            return table;
        }
        int[] from = Values(a, 0), to = Values(a, 1);
        if (from.Length != to.Length)
        {
            throw Raise.Runtime("the first two maketrans arguments must have equal length");
        }
        for (int i = 0; i < from.Length; i++)
        {
            table.Set(IntValue.Of(from[i]), IntValue.Of(to[i]));
        }
        foreach (int c in a[2] is null ? [] : Values(a, 2))
        {
            table.Set(IntValue.Of(c), NoneValue.None);
        }
        return table;
    }

    public static Value Translate(Interpreter run, StringValue self, Bound a)
    {
        TextBuilder to = new(run.Budget);
        for (int i = 0; i < self.Text.Length; i += CodePoints.UnitsAt(self.Text, i))
        {
            switch (a.Get(0).Item(run, IntValue.Of(CodePoints.ValueAt(self.Text, i))))
            {
                case null:
                    to.Append(self.Text.AsSpan(i, CodePoints.UnitsAt(self.Text, i)));
                    break;
                case NoneValue:
                    break;
                case StringValue s:
                    to.Append(s.Text);
                    break;
                case IntValue c when c.Value >= 0 && c.Value < 0x110000:
                    to.Append(StrFormat.Character((int)c.Value));
                    break;
                default:
                    throw Raise.Runtime("character mapping must return integer, None or str");
            }
        }
        return self.Like(to.ToString());
    }

    private static int[] Values(Bound a, int index) => [.. StringText.Values(a.Text(index) ?? throw Raise.Runtime("maketrans() argument must be str, not None"))];
}
