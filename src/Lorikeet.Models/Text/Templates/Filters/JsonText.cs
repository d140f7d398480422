using System.Globalization;

namespace Lorikeet.Models.Text.Templates;

/// <summary><c>tojson</c> as Transformers defines it: Python's <c>json.dumps</c> without HTML escapes.</summary>
internal sealed class JsonText
{
    private readonly TextBuilder to;
    private readonly bool ascii;
    private readonly string? indent;
    private readonly string item;
    private readonly string key;
    private readonly bool sort;
    private readonly Interpreter run;

    private JsonText(Interpreter run, bool ascii, string? indent, string item, string key, bool sort)
    {
        this.run = run;
        this.ascii = ascii;
        this.indent = indent;
        this.item = item;
        this.key = key;
        this.sort = sort;
        to = new TextBuilder(run.Budget);
    }

    public static Value Filter(Interpreter run, Value value, Bound a)
    {
        string? indent = a[1] switch
        {
            null or NoneValue => null,
            StringValue s => s.Text,
            _ => Blanks(run, a.Number(1, 0)),
        };
        (string item, string key) = (indent is null ? ", " : ",", ": ");
        if (a[2] is not (null or NoneValue))
        {
            List<Value> two = run.List(a.Get(2));
            (item, key) = two is [StringValue first, StringValue second] ? (first.Text, second.Text) : throw Raise.Runtime("separators must be two texts");
        }
        JsonText json = new(run, a.Flag(0), indent, item, key, a.Flag(3));
        json.Write(value, 0);
        return new StringValue(json.to.ToString());
    }

    private static string Blanks(Interpreter run, int count)
    {
        run.Budget.Make(Math.Max(0, count));
        return new string(' ', Math.Max(0, count));
    }

    private void Write(Value value, int depth)
    {
        StackGuard.Check(depth);
        run.Budget.Step();
        switch (value)
        {
            case StringValue text:
                String(text.Text);
                break;
            case NoneValue or BoolValue or IntValue or FloatValue:
                to.Append(Scalar(value)!);
                break;
            case ListValue list:
                Items(list.Items, depth);
                break;
            case TupleValue tuple:
                Items(tuple.Items, depth);
                break;
            case DictValue dict:
                Members(dict, depth);
                break;
            default:
                throw Raise.Runtime($"Object of type {value.TypeName} is not JSON serializable");
        }
    }

    private static string? Scalar(Value value) => value switch
    {
        NoneValue => "null",
        BoolValue b => b.Value ? "true" : "false",
        IntValue i => IntValue.Digits(i.Value),
        FloatValue f => double.IsNaN(f.Value) ? "NaN" : double.IsInfinity(f.Value) ? (f.Value > 0 ? "Infinity" : "-Infinity") : FloatText.Shortest(f.Value),
        _ => null,
    };

    private void Items(IReadOnlyList<Value> items, int depth)
    {
        if (items.Count == 0)
        {
            to.Append("[]");
            return;
        }
        to.Append('[');
        for (int i = 0; i < items.Count; i++)
        {
            to.Append(i > 0 ? item : "");
            Line(depth + 1);
            Write(items[i], depth + 1);
        }
        Line(depth);
        to.Append(']');
    }

    private void Members(DictValue dict, int depth)
    {
        if (dict.Count == 0)
        {
            to.Append("{}");
            return;
        }
        IEnumerable<KeyValuePair<Value, Value>> entries = dict.Entries;
        if (sort)
        {
            entries = OrderFilters.Sorted(run, [.. dict.Keys], k => k, false).Select(k => KeyValuePair.Create(k, dict.Get(k)!));
        }
        to.Append('{');
        bool first = true;
        foreach ((Value name, Value value) in entries)
        {
            to.Append(first ? "" : item);
            first = false;
            Line(depth + 1);
            String(name is StringValue s ? s.Text : Scalar(name) ?? throw Raise.Runtime($"keys must be str, int, float, bool or None, not {name.TypeName}"));
            to.Append(key);
            Write(value, depth + 1);
        }
        Line(depth);
        to.Append('}');
    }

    private void Line(int depth)
    {
        if (indent is null)
        {
            return;
        }
        to.Append('\n');
        for (int i = 0; i < depth; i++)
        {
            to.Append(indent);
        }
    }

    private void String(string text)
    {
        to.Append('"');
        int from = 0;
        for (int i = 0; i < text.Length; i++)
        {
            string? escape = text[i] switch
            {
                '"' => "\\\"",
                '\\' => "\\\\",
                '\n' => "\\n",
                '\r' => "\\r",
                '\t' => "\\t",
                '\b' => "\\b",
                '\f' => "\\f",
                < ' ' => "\\u" + ((int)text[i]).ToString("x4", CultureInfo.InvariantCulture),
                > '~' when ascii => "\\u" + ((int)text[i]).ToString("x4", CultureInfo.InvariantCulture),
                _ => null,
            };
            if (escape is not null)
            {
                to.Append(text.AsSpan(from, i - from)).Append(escape);
                from = i + 1;
            }
        }
        to.Append(text.AsSpan(from)).Append('"');
    }
}
