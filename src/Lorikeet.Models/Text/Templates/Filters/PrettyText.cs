namespace Lorikeet.Models.Text.Templates;

/// <summary><c>pprint</c>: Python's pprint in its default form, 80 wide, keys of dicts in order.</summary>
internal static class PrettyText
{
    private const int Width = 80;

    public static string Format(Interpreter run, Value value)
    {
        TextBuilder to = new(run.Budget);
        Write(run, Ordered(run, value), 0, 0, to);
        return to.ToString();
    }

    // Shown with sorted keys, in one line too.
    private static Value Ordered(Interpreter run, Value value)
    {
        StackGuard.Check();
        run.Budget.Step();
        switch (value)
        {
            case ListValue list:
                run.Budget.Make(list.Items.Count);
                return new ListValue([.. list.Items.Select(i => Ordered(run, i))]);
            case TupleValue tuple:
                run.Budget.Make(tuple.Items.Count);
                return new TupleValue([.. tuple.Items.Select(i => Ordered(run, i))]);
            case DictValue dict:
                run.Budget.Make(dict.Count);
                DictValue ordered = new(dict.Count);
                foreach (Value key in OrderFilters.Sorted(run, [.. dict.Keys], k => k, false))
                {
                    ordered.Set(key, Ordered(run, dict.Get(key)!));
                }
                return ordered;
            default:
                return value;
        }
    }

    private static void Write(Interpreter run, Value value, int indent, int after, TextBuilder to)
    {
        StackGuard.Check();
        string one = run.Represent(value);
        if (CodePoints.Count(one) <= Width - indent - after)
        {
            to.Append(one);
            return;
        }
        switch (value)
        {
            case DictValue { Count: > 0 } dict:
                Members(run, dict, indent, after, to);
                break;
            case ListValue { Items.Count: > 0 } list:
                to.Append('[');
                Items(run, list.Items, indent + 1, after + 1, to);
                to.Append(']');
                break;
            case TupleValue { Items.Count: > 0 } tuple:
                to.Append('(');
                Items(run, tuple.Items, indent + 1, after + (tuple.Items.Count == 1 ? 2 : 1), to);
                to.Append(tuple.Items.Count == 1 ? ",)" : ")");
                break;
            case StringValue { IsMarkup: false } text when text.Text.Length > 0:
                String(run, text.Text, indent, after, to);
                break;
            default:
                to.Append(one);
                break;
        }
    }

    private static void Items(Interpreter run, IReadOnlyList<Value> items, int indent, int after, TextBuilder to)
    {
        for (int i = 0; i < items.Count; i++)
        {
            if (i > 0)
            {
                to.Append(",\n").Append(' ', indent);
            }
            Write(run, items[i], indent, i == items.Count - 1 ? after : 1, to);
        }
    }

    private static void Members(Interpreter run, DictValue dict, int indent, int after, TextBuilder to)
    {
        to.Append('{');
        int left = dict.Count;
        foreach ((Value key, Value value) in dict.Entries)
        {
            string name = run.Represent(key);
            to.Append(name).Append(": ");
            left--;
            Write(run, value, indent + CodePoints.Count(name) + 3, left == 0 ? after + 1 : 1, to);
            if (left > 0)
            {
                to.Append(",\n").Append(' ', indent + 1);
            }
        }
        to.Append('}');
    }

    // A long text is cut into literals, at lines first and then after white space.
    private static void String(Interpreter run, string text, int indent, int after, TextBuilder to)
    {
        bool top = indent == 0 && after == 0;
        int column = top ? indent + 1 : indent, behind = top ? after + 1 : after;
        List<string> lines = StringText.Lines(text, true), chunks = [];
        for (int i = 0; i < lines.Count; i++)
        {
            int room = Width - column - (i == lines.Count - 1 ? behind : 0);
            string whole = StringText.Represent(lines[i]);
            if (CodePoints.Count(whole) <= room)
            {
                chunks.Add(whole);
                continue;
            }
            string current = "";
            List<string> words = Words(lines[i]);
            for (int w = 0; w < words.Count; w++)
            {
                run.Budget.Work(current.Length);
                int fits = w == words.Count - 1 && i == lines.Count - 1 ? Width - column - behind : Width - column;
                if (CodePoints.Count(StringText.Represent(current + words[w])) > fits)
                {
                    if (current.Length > 0)
                    {
                        chunks.Add(StringText.Represent(current));
                    }
                    current = words[w];
                }
                else
                {
                    current += words[w];
                }
            }
            if (current.Length > 0)
            {
                chunks.Add(StringText.Represent(current));
            }
        }
        if (chunks.Count == 1)
        {
            to.Append(chunks[0]);
            return;
        }
        to.Append(top ? "(" : "");
        for (int i = 0; i < chunks.Count; i++)
        {
            if (i > 0)
            {
                to.Append('\n').Append(' ', column);
            }
            to.Append(chunks[i]);
        }
        to.Append(top ? ")" : "");
    }

    // Runs of other characters, each with the white space behind it.
    private static List<string> Words(string line)
    {
        List<string> words = [];
        for (int i = 0; i < line.Length;)
        {
            int start = i;
            while (i < line.Length && !CharacterFacts.IsSpace(line[i]))
            {
                i++;
            }
            while (i < line.Length && CharacterFacts.IsSpace(line[i]))
            {
                i++;
            }
            words.Add(line[start..i]);
        }
        return words;
    }
}
