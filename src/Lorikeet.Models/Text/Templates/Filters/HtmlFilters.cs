namespace Lorikeet.Models.Text.Templates;

/// <summary>Filters that write HTML and URLs.</summary>
internal static class HtmlFilters
{
    private static readonly System.Buffers.SearchValues<char> EndsName = System.Buffers.SearchValues.Create(" \t\n\r\f\v/>=");

    public static Value Escape(Interpreter run, Value value, Bound a) => new StringValue(Markup.Escape(run, value), true);

    public static Value XmlAttributes(Interpreter run, Value value, Bound a)
    {
        if (value is UndefinedValue undefined)
        {
            throw undefined.Fail();
        }
        DictValue dict = value as DictValue ?? throw Raise.Runtime($"'{value.TypeName}' object has no attribute 'items'");
        TextBuilder to = new(run.Budget);
        foreach ((Value key, Value item) in dict.Entries)
        {
            if (item is NoneValue or UndefinedValue)
            {
                continue;
            }
            string name = key is StringValue s ? s.Text : throw Raise.Runtime("expected string or bytes-like object");
            if (name.AsSpan().IndexOfAny(EndsName) >= 0)
            {
                throw Raise.Runtime($"Invalid character in attribute name: {StringText.Represent(name)}");
            }
            to.Append(to.Length > 0 || a.Flag(0, true) ? " " : "").Append(Markup.Escape(run, key)).Append("=\"").Append(Markup.Escape(run, item)).Append('"');
        }
        return new StringValue(to.ToString(), run.Autoescape);
    }

    public static Value UrlEncode(Interpreter run, Value value, Bound a)
    {
        if (value is StringValue || value.Iterate(run) is null)
        {
            return new StringValue(UrlText.Quote(run, run.Print(value), false));
        }
        TextBuilder to = new(run.Budget);
        foreach (Value pair in run.Enumerate(value is DictValue dict ? DictMethods.Items(dict) : value))
        {
            Value[] two = pair.Iterate(run) is null ? throw Raise.Runtime($"cannot unpack non-iterable {pair.TypeName} object") : [.. run.Enumerate(pair).Take(3)];
            if (two.Length != 2)
            {
                throw Raise.Runtime(two.Length > 2 ? "too many values to unpack (expected 2)" : $"not enough values to unpack (expected 2, got {two.Length})");
            }
            to.Append(to.Length > 0 ? "&" : "").Append(UrlText.Quote(run, run.Print(two[0]), true)).Append('=').Append(UrlText.Quote(run, run.Print(two[1]), true));
        }
        return new StringValue(to.ToString());
    }

    public static Value Urlize(Interpreter run, Value value, Bound a)
    {
        SortedSet<string> rel = new((a.Text(3) ?? "").Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries), StringComparer.Ordinal) { "noopener" };
        if (a.Flag(1))
        {
            rel.Add("nofollow");
        }
        string[] schemes = a[4] is null or NoneValue ? [] : [.. run.Enumerate(a.Get(4)).Select(run.Print)];
        int? limit = a[0] is null or NoneValue ? null : a.Number(0, 0);
        string text = UrlText.Link(run, Markup.Escape(run, value), limit, string.Join(' ', rel), a.Text(2), schemes);
        return new StringValue(text, run.Autoescape);
    }
}
