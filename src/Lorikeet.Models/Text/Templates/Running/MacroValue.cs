namespace Lorikeet.Models.Text.Templates;

/// <summary>A macro with the variables around its definition.</summary>
internal sealed class MacroValue : Value
{
    private readonly MacroCode code;
    private readonly Scope around;
    private readonly bool escapes;

    public MacroValue(Interpreter run, MacroCode code, Scope around)
    {
        this.code = code;
        this.around = around;
        escapes = run.Autoescape;
    }

    public override string TypeName => "Macro";

    public override bool IsCallable => true;

    public override Value? Attribute(Interpreter run, string name) => name switch
    {
        "name" => code.Name is null ? NoneValue.None : new StringValue(code.Name),
        "arguments" => new TupleValue([.. code.Parameters.Select(p => new StringValue(p))]),
        "caller" => BoolValue.Of(code.TakesCaller),
        "catch_kwargs" => BoolValue.Of(code.TakesNamed),
        "catch_varargs" => BoolValue.Of(code.TakesMore),
        "explicit_caller" => BoolValue.Of(code.Parameters.Contains("caller")),
        _ => HiddenNames.Find(this, name, HiddenNames.Functions),
    };

    public override Value Call(Interpreter run, Arguments arguments)
    {
        Scope scope = new(around);
        bool escapesHere = run.Autoescape;
        run.Autoescape = escapes;
        run.Budget.Enter();
        try
        {
            Bind(run, scope, arguments);
            (_, StringValue text) = run.Capture(code.Body, scope);
            return new StringValue(text.Text, escapesHere);
        }
        finally
        {
            run.Budget.Leave();
            run.Autoescape = escapesHere;
        }
    }

    public override void Represent(TextBuilder to) => to.Append($"<Macro {(code.Name is null ? "anonymous" : StringText.Represent(code.Name))}>");

    private void Bind(Interpreter run, Scope scope, Arguments arguments)
    {
        int count = code.Parameters.Count;
        List<KeyValuePair<string, Value>> named = [.. arguments.Named];
        List<int> missing = [];
        for (int i = 0; i < count; i++)
        {
            Value? value = i < arguments.Positional.Count ? arguments.Positional[i] : Take(named, code.Parameters[i]);
            if (value is null)
            {
                missing.Add(i);
            }
            else
            {
                scope.Set(code.Parameters[i], value);
            }
        }
        if (code.TakesCaller)
        {
            scope.Set("caller", Take(named, "caller") ?? new UndefinedValue("No caller defined"));
        }
        if (code.TakesNamed)
        {
            DictValue rest = new();
            foreach ((string name, Value value) in named)
            {
                rest.Set(new StringValue(name), value);
            }
            scope.Set("kwargs", rest);
        }
        else if (named.Count > 0)
        {
            throw Raise.Runtime($"macro {StringText.Represent(code.Name ?? "None")} takes no keyword argument {StringText.Represent(named[0].Key)}");
        }
        if (code.TakesMore)
        {
            scope.Set("varargs", new TupleValue([.. arguments.Positional.Skip(count)]));
        }
        else if (arguments.Positional.Count > count)
        {
            throw Raise.Runtime($"macro {StringText.Represent(code.Name ?? "None")} takes not more than {count} argument(s)");
        }
        // A default sees the parameters before it.
        foreach (int i in missing)
        {
            scope.Set(code.Parameters[i], new UndefinedValue($"parameter '{code.Parameters[i]}' was not provided"));
        }
        foreach (int i in missing)
        {
            if (code.Default(i) is { } otherwise)
            {
                scope.Set(code.Parameters[i], run.Evaluate(otherwise, scope));
            }
        }
    }

    private static Value? Take(List<KeyValuePair<string, Value>> named, string name)
    {
        int at = named.FindIndex(n => n.Key == name);
        if (at < 0)
        {
            return null;
        }
        Value value = named[at].Value;
        named.RemoveAt(at);
        return value;
    }
}
