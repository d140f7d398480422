namespace Lorikeet.Models.Text.Templates;

/// <summary>What templates can name besides their variables: one line each.</summary>
internal sealed class Globals(DateTime now)
{
    private readonly Dictionary<string, Value> values = new()
    {
        ["range"] = new FunctionValue("range", Range),
        ["dict"] = new DictClass(),
        ["lipsum"] = new FunctionValue("lipsum", (_, _) => throw Raise.Runtime("lipsum() writes random text, which a chat template must not have; write the text itself")),
        ["cycler"] = new FunctionValue("cycler", (_, arguments) => new CyclerValue(arguments)),
        ["joiner"] = new FunctionValue("joiner", (run, arguments) => Joiner(run, new Signature("joiner", 0, "sep").Bind(arguments))),
        ["namespace"] = new FunctionValue("namespace", Namespace),
        ["raise_exception"] = new FunctionValue("raise_exception", (run, arguments) =>
            throw new TemplateException(TemplateErrorKind.Raised, run.Print(new Signature("raise_exception", 1, "message").Bind(arguments).Get(0)))),
        ["strftime_now"] = new FunctionValue("strftime_now", (run, arguments) =>
            new StringValue(TimeText.Format(run, now, new Signature("strftime_now", 1, "format").Bind(arguments).Text(0) ?? throw Raise.Runtime("strftime() argument 1 must be str, not None")))),
        ["self"] = new SelfValue(),
    };

    public Value? Find(string name) => values.GetValueOrDefault(name);

    private static Value Range(Interpreter run, Arguments arguments)
    {
        Bound a = new Signature("range", 1, "start", "stop", "step").Bind(arguments);
        System.Numerics.BigInteger[] parts = [.. Enumerable.Range(0, arguments.Positional.Count).Select(i => Operators.AsInteger(a.Get(i))
            ?? (a.Get(i) is UndefinedValue ? throw Raise.Runtime("'Undefined' object cannot be interpreted as an integer") : throw Raise.Runtime($"'{a.Get(i).TypeName}' object cannot be interpreted as an integer")))];
        (System.Numerics.BigInteger start, System.Numerics.BigInteger stop) = parts.Length == 1 ? (0, parts[0]) : (parts[0], parts[1]);
        System.Numerics.BigInteger step = parts.Length > 2 ? parts[2] : 1;
        if (step.IsZero)
        {
            throw Raise.Runtime("range() arg 3 must not be zero");
        }
        System.Numerics.BigInteger span = step.Sign > 0 ? stop - start : start - stop;
        System.Numerics.BigInteger count = span.Sign <= 0 ? 0 : ((span - 1) / System.Numerics.BigInteger.Abs(step)) + 1;
        return count > RangeValue.Most
            ? throw Raise.Runtime($"Range too big. The sandbox blocks ranges larger than MAX_RANGE ({RangeValue.Most}).")
            : new RangeValue(IntValue.Of(start), IntValue.Of(stop), IntValue.Of(step), (int)count);
    }

    private static NamespaceValue Namespace(Interpreter run, Arguments arguments)
    {
        NamespaceValue made = new();
        foreach ((Value key, Value value) in DictClass.Make(run, "namespace", arguments).Entries)
        {
            made.Set(key, value);
        }
        return made;
    }

    private static FunctionValue Joiner(Interpreter run, Bound a)
    {
        Value separator = a[0] ?? new StringValue(", ");
        bool used = false;
        return new FunctionValue("joiner", (_, _) =>
        {
            Value now = used ? separator : StringValue.Empty;
            used = true;
            return now;
        });
    }
}
