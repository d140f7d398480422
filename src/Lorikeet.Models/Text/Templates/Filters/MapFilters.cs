namespace Lorikeet.Models.Text.Templates;

/// <summary><c>map</c>, <c>select</c>, <c>reject</c>: they take the names of other filters and tests, and work when they are walked.</summary>
internal static class MapFilters
{
    public static Value Map(Interpreter run, Value value, Arguments arguments) => new IteratorValue(Mapped(run, value, arguments).GetEnumerator());

    public static Value Select(Interpreter run, Value value, Arguments arguments, bool keep, bool attribute) =>
        new IteratorValue(Selected(run, value, arguments, keep, attribute).GetEnumerator());

    private static IEnumerable<Value> Mapped(Interpreter run, Value value, Arguments arguments)
    {
        if (!value.IsTrue)
        {
            yield break;
        }
        if (arguments.Positional.Count == 0 && arguments.Name("attribute") is { } attribute)
        {
            Arguments rest = arguments.Without("attribute", "default");
            if (rest.Named.Count > 0)
            {
                throw Raise.Runtime($"Unexpected keyword argument {StringText.Represent(rest.Named[0].Key)}");
            }
            AttributePath path = new(attribute, arguments.Name("default"));
            foreach (Value item in run.Enumerate(value))
            {
                yield return path.Get(run, item);
            }
            yield break;
        }
        if (arguments.Positional.Count == 0)
        {
            throw Raise.Runtime("map requires a filter argument");
        }
        Arguments others = arguments.Skip(1);
        foreach (Value item in run.Enumerate(value))
        {
            yield return FilterTable.Require(arguments.Positional[0]).Apply(run, item, others);
        }
    }

    private static IEnumerable<Value> Selected(Interpreter run, Value value, Arguments arguments, bool keep, bool attribute)
    {
        if (!value.IsTrue)
        {
            yield break;
        }
        if (attribute && arguments.Positional.Count == 0)
        {
            throw Raise.Runtime("Missing parameter for attribute name");
        }
        AttributePath path = new(attribute ? arguments.Positional[0] : null);
        int at = attribute ? 1 : 0;
        Value? test = arguments.Positional.Count > at ? arguments.Positional[at] : null;
        Arguments others = arguments.Skip(at + 1);
        foreach (Value item in run.Enumerate(value))
        {
            Value looked = path.Get(run, item);
            if ((test is null ? looked.IsTrue : TestTable.Require(test).Holds(run, looked, others)) == keep)
            {
                yield return item;
            }
        }
    }
}
