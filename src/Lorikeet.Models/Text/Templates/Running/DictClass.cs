namespace Lorikeet.Models.Text.Templates;

/// <summary>The function <c>dict</c>, a class in Python.</summary>
internal sealed class DictClass : Value
{
    public override string TypeName => "type";

    public override bool IsCallable => true;

    /// <summary>A dict from a mapping or pairs, and names.</summary>
    public static DictValue Make(Interpreter run, string function, Arguments arguments)
    {
        if (arguments.Positional.Count > 1)
        {
            throw Raise.Runtime($"{function} expected at most 1 argument, got {arguments.Positional.Count}");
        }
        DictValue made = new();
        switch (arguments.Positional.Count == 0 ? null : arguments.Positional[0])
        {
            case null:
                break;
            case UndefinedValue undefined:
                throw undefined.Fail();
            case DictValue given:
                run.Budget.Make(given.Count);
                made = new DictValue(given);
                break;
            case Value pairs:
                int at = 0;
                foreach (Value pair in run.Enumerate(pairs))
                {
                    run.Budget.Make(1);
                    Value[] two = pair.Iterate(run) is null
                        ? throw Raise.Runtime($"cannot convert dictionary update sequence element #{at} to a sequence")
                        : [.. run.Enumerate(pair).Take(3)];
                    made.Set(two.Length == 2 ? two[0] : throw Raise.Runtime($"dictionary update sequence element #{at} has length {pair.Length ?? two.Length}; 2 is required"), two[1]);
                    at++;
                }
                break;
        }
        foreach ((string name, Value value) in arguments.Named)
        {
            made.Set(new StringValue(name), value);
        }
        return made;
    }

    public override Value? Attribute(Interpreter run, string name) =>
        name == "fromkeys" ? new FunctionValue(name, DictMethods.FromKeys) : HiddenNames.Find(this, name, HiddenNames.Functions);

    public override Value Call(Interpreter run, Arguments arguments) => Make(run, "dict", arguments);

    public override void Represent(TextBuilder to) => to.Append("<class 'dict'>");
}
