using System.Globalization;

namespace Lorikeet.Models.Text.Templates;

/// <summary><c>str.format</c>: fields with attributes and items, conversions, specifications that hold fields themselves.</summary>
internal static class StrFormat
{
    private const int MostNesting = 2;

    public static string Format(Interpreter run, StringValue pattern, Arguments arguments)
    {
        int next = 0;
        TextBuilder to = new(run.Budget);
        Write(run, pattern.Text, arguments, pattern.IsMarkup, MostNesting, ref next, to);
        return to.ToString();
    }

    /// <summary><c>format_map</c>'s one argument as named ones.</summary>
    public static Arguments Map(Arguments arguments)
    {
        Value map = new Signature("format_map", 1, "mapping").Bind(arguments).Get(0);
        return map is DictValue dict
            ? new Arguments([], [.. dict.Entries.Where(e => e.Key is StringValue).Select(e => KeyValuePair.Create(((StringValue)e.Key).Text, e.Value))])
            : throw Raise.Runtime($"format_map() argument must be a mapping, not {map.TypeName}");
    }

    /// <summary>A code point as text; half a surrogate pair is one.</summary>
    public static string Character(int c) => c is >= 0xD800 and <= 0xDFFF ? ((char)c).ToString() : char.ConvertFromUtf32(c);

    private static void Write(Interpreter run, string pattern, Arguments arguments, bool escape, int depth, ref int next, TextBuilder to)
    {
        if (depth < 0)
        {
            throw Raise.Runtime("Max string recursion exceeded");
        }
        for (int i = 0; i < pattern.Length; i++)
        {
            char c = pattern[i];
            if (c is not ('{' or '}'))
            {
                to.Append(c);
                continue;
            }
            if (i + 1 < pattern.Length && pattern[i + 1] == c)
            {
                to.Append(c);
                i++;
                continue;
            }
            if (c == '}')
            {
                throw Raise.Runtime("Single '}' encountered in format string");
            }
            int end = End(pattern, i + 1);
            Field(run, pattern[(i + 1)..end], arguments, escape, depth, ref next, to);
            i = end;
        }
    }

    private static void Field(Interpreter run, string field, Arguments arguments, bool escape, int depth, ref int next, TextBuilder to)
    {
        (string name, char conversion, string spec) = Parts(field);
        Value value = Resolve(run, name, arguments, ref next);
        if (conversion != 0)
        {
            value = conversion switch
            {
                's' => new StringValue(run.Print(value)),
                'r' => new StringValue(run.Represent(value)),
                'a' => new StringValue(PercentFormat.Ascii(run.Represent(value))),
                _ => throw Raise.Runtime($"Unknown conversion specifier {conversion}"),
            };
        }
        TextBuilder inner = new(run.Budget);
        Write(run, spec, arguments, false, depth - 1, ref next, inner);
        string specification = inner.ToString();
        string text = specification.Length == 0 ? run.Print(value)
            : value is UndefinedValue ? throw Raise.Runtime("unsupported format string passed to Undefined.__format__")
            : FormatSpec.Parse(specification).Apply(run, value);
        to.Append(escape && value is not StringValue { IsMarkup: true } ? Markup.Escape(run, text) : text);
    }

    private static (string Name, char Conversion, string Spec) Parts(string field)
    {
        int brackets = 0;
        for (int i = 0; i < field.Length; i++)
        {
            char c = field[i];
            if (c == '[')
            {
                brackets++;
            }
            else if (c == ']')
            {
                brackets--;
            }
            else if (c == ':' && brackets <= 0)
            {
                return (field[..i], '\0', field[(i + 1)..]);
            }
            else if (c == '!' && brackets <= 0)
            {
                if (i + 1 >= field.Length)
                {
                    throw Raise.Runtime("end of string while looking for conversion specifier");
                }
                return i + 2 == field.Length ? (field[..i], field[i + 1], "")
                    : field[i + 2] == ':' ? (field[..i], field[i + 1], field[(i + 3)..])
                    : throw Raise.Runtime("expected ':' after conversion specifier");
            }
        }
        return (field, '\0', "");
    }

    private static Value Resolve(Interpreter run, string name, Arguments arguments, ref int next)
    {
        int end = name.IndexOfAny(['.', '[']);
        string first = end < 0 ? name : name[..end];
        Value value = First(first, arguments, ref next);
        for (int i = end; i >= 0 && i < name.Length;)
        {
            if (name[i] == '.')
            {
                int stop = name.IndexOfAny(['.', '['], i + 1);
                stop = stop < 0 ? name.Length : stop;
                value = run.GetAttribute(value, stop > i + 1 ? name[(i + 1)..stop] : throw Raise.Runtime("Empty attribute in format string"));
                i = stop;
                continue;
            }
            int close = name.IndexOf(']', i);
            if (name[i] != '[' || close < 0)
            {
                throw Raise.Runtime(name[i] == '[' ? "Missing ']' in format string" : "Only '.' or '[' may follow ']' in format field specifier");
            }
            string key = name[(i + 1)..close];
            value = run.GetItem(value, key.Length > 0 && key.All(char.IsAsciiDigit) && NumberText.Integer(key, 10) is { } index ? IntValue.Of(index) : new StringValue(key));
            i = close + 1;
        }
        return value;
    }

    private static Value First(string name, Arguments arguments, ref int next)
    {
        if (name.Length == 0)
        {
            if (next < 0)
            {
                throw Raise.Runtime("cannot switch from manual field specification to automatic field numbering");
            }
            name = next++.ToString(CultureInfo.InvariantCulture);
        }
        else if (name.All(char.IsAsciiDigit))
        {
            next = next > 0 ? throw Raise.Runtime("cannot switch from automatic field numbering to manual field specification") : -1;
        }
        if (name.All(char.IsAsciiDigit))
        {
            return int.TryParse(name, NumberStyles.None, CultureInfo.InvariantCulture, out int index) && index < arguments.Positional.Count
                ? arguments.Positional[index]
                : throw Raise.Runtime($"Replacement index {name} out of range for positional args tuple");
        }
        return arguments.Name(name) ?? throw Raise.Runtime(StringText.Represent(name));
    }

    private static int End(string pattern, int from)
    {
        int depth = 1;
        for (int i = from; i < pattern.Length; i++)
        {
            depth += pattern[i] switch { '{' => 1, '}' => -1, _ => 0 };
            if (depth == 0)
            {
                return i;
            }
        }
        throw Raise.Runtime("expected '}' before end of string");
    }
}
