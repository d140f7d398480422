namespace Lorikeet.Models.Text.Templates;

/// <summary>Filters on texts; other values are printed first.</summary>
internal static class TextFilters
{
    /// <summary>A value as text; markup stays markup.</summary>
    public static StringValue Soft(Interpreter run, Value value) => value as StringValue ?? new StringValue(run.Print(value));

    public static Value Center(Interpreter run, Value value, Bound a) => StringPadding.Pad(run, Soft(run, value), a.Number(0, 80), " ", StringPadding.Center);

    public static Value Format(Interpreter run, Value value, Arguments arguments)
    {
        if (arguments.Positional.Count > 0 && arguments.Named.Count > 0)
        {
            throw Raise.Runtime("can't handle positional and keyword arguments at the same time");
        }
        DictValue named = new();
        foreach ((string name, Value item) in arguments.Named)
        {
            named.Set(new StringValue(name), item);
        }
        return PercentFormat.Format(run, Soft(run, value), named.Count > 0 ? named : new TupleValue(arguments.Positional));
    }

    public static Value Trim(Interpreter run, Value value, Bound a)
    {
        StringValue text = Soft(run, value);
        run.Budget.Make(text.Text.Length);
        return text.Like(StringText.Strip(text.Text, a.Text(0), true, true));
    }

    public static Value Replace(Interpreter run, Value value, Bound a)
    {
        int count = a[2] is null or NoneValue ? -1 : a.Number(2, -1);
        if (!run.Autoescape)
        {
            return new StringValue(StringMethods.Replace(run, run.Print(value), run.Print(a.Get(0)), run.Print(a.Get(1)), count));
        }
        static bool IsMarkup(Value v) => v is StringValue { IsMarkup: true };
        bool markup = IsMarkup(value) || IsMarkup(a.Get(0)) || IsMarkup(a.Get(1));
        string Text(Value v) => markup ? Markup.Escape(run, v) : run.Print(v);
        return new StringValue(StringMethods.Replace(run, Text(value), Text(a.Get(0)), Text(a.Get(1)), count), markup);
    }

    public static Value Join(Interpreter run, Value value, Bound a)
    {
        AttributePath path = new(a[1]);
        Value separator = a[0] ?? StringValue.Empty;
        List<Value> items = [.. run.List(value).Select(item => path.Get(run, item))];
        bool markup = run.Autoescape && items.Append(separator).Any(v => v is StringValue { IsMarkup: true });
        string between = Text(separator);
        TextBuilder to = new(run.Budget);
        for (int i = 0; i < items.Count; i++)
        {
            to.Append(i > 0 ? between : "").Append(Text(items[i]));
        }
        return new StringValue(to.ToString(), markup);

        string Text(Value v) => markup ? Markup.Escape(run, v) : run.Print(v);
    }

    public static Value Title(Interpreter run, Value value, Bound a) => StringMethods.Mapped(run, Soft(run, value), text =>
    {
        System.Text.StringBuilder to = new();
        for (int i = 0; i < text.Length;)
        {
            int start = i;
            while (i < text.Length && !BeginsWord(text[i]))
            {
                i++;
            }
            if (i > start)
            {
                int first = CodePoints.UnitsAt(text, start);
                to.Append(Casing.Upper(text.Substring(start, first))).Append(Casing.Lower(text[(start + first)..i]));
            }
            while (i < text.Length && BeginsWord(text[i]))
            {
                to.Append(text[i++]);
            }
        }
        return to.ToString();
    });

    public static Value WordCount(Interpreter run, Value value, Bound a)
    {
        string text = Soft(run, value).Text;
        run.Budget.Work(text.Length);
        int count = 0;
        bool inside = false;
        foreach (int c in StringText.Values(text))
        {
            bool word = CharacterFacts.IsWord(c);
            count += word && !inside ? 1 : 0;
            inside = word;
        }
        return IntValue.Of(count);
    }

    public static Value Indent(Interpreter run, Value value, Bound a)
    {
        StringValue text = value as StringValue
            ?? throw (value is UndefinedValue undefined ? undefined.Fail() : Raise.Runtime($"unsupported operand type(s) for +=: '{value.TypeName}' and 'str'"));
        int width = a[0] is UndefinedValue missing ? throw missing.Fail() : a[0] is StringValue ? 0 : a.Number(0, 4);
        run.Budget.Make(Math.Max(0, width));
        string by = a[0] is StringValue given ? (text.IsMarkup ? Markup.Escape(run, given) : given.Text) : new string(' ', Math.Max(0, width));
        TextBuilder to = new(run.Budget);
        bool first = true;
        foreach (string line in StringText.Lines(text.Text + "\n", false))
        {
            to.Append(first ? "" : "\n");
            to.Append((first ? a.Flag(1) : a.Flag(2) || line.Length > 0) ? by : "").Append(line);
            first = false;
        }
        return text.Like(to.ToString());
    }

    public static Value Truncate(Interpreter run, Value value, Bound a)
    {
        int length = a.Number(0, 255), leeway = a[3] is null or NoneValue ? 5 : a.Number(3, 5);
        string end = a[2] is null ? "..." : a.Text(2) ?? "";
        int kept = length - CodePoints.Count(end);
        if (kept < 0)
        {
            throw Raise.Runtime($"expected length >= {CodePoints.Count(end)}, got {length}");
        }
        if (leeway < 0)
        {
            throw Raise.Runtime($"expected leeway >= 0, got {leeway}");
        }
        if ((value.Length ?? throw Raise.Runtime($"object of type '{value.TypeName}' has no len()")) <= (long)length + leeway)
        {
            return value;
        }
        StringValue text = value as StringValue ?? throw Raise.Runtime($"object of type '{value.TypeName}' cannot be truncated; expected a text");
        string cut = text.Text[..CodePoints.Offset(text.Text, text.Count, kept)];
        int blank = a.Flag(1) ? -1 : cut.LastIndexOf(' ');
        run.Budget.Make(cut.Length + end.Length);
        return text.Like((blank < 0 ? cut : cut[..blank]) + end);
    }

    private static bool BeginsWord(char c) => c is '-' or '(' or '{' or '[' or '<' || CharacterFacts.IsSpace(c);
}
