namespace Lorikeet.Models.Text.Templates;

/// <summary>
/// What a name or attribute that does not exist is: it prints nothing, is false, empty and of length 0; anything else with it fails with the
/// reason why it does not exist.
/// </summary>
internal sealed class UndefinedValue(Func<string> reason, bool unsafeAccess = false) : Value
{
    public UndefinedValue(string reason)
        : this(() => reason)
    {
    }

    public override string TypeName => "Undefined";

    public override bool IsTrue => false;

    // It looks callable, and fails when it is called.
    public override bool IsCallable => true;

    public override int? Length => 0;

    /// <summary>A name that is not there.</summary>
    public static UndefinedValue Name(string name) => new($"'{name}' is undefined");

    /// <summary>An attribute or item that is not there.</summary>
    public static UndefinedValue Member(Interpreter run, Value of, Value key)
    {
        // Most are never complained about: the words are made when they are needed.
        string owner = of is NoneValue ? "None" : $"{of.TypeName} object";
        return key is StringValue name
            ? new UndefinedValue(() => $"{StringText.Represent(owner)} has no attribute {StringText.Represent(name.Text)}")
            : new UndefinedValue(() => $"{owner} has no element {run.Represent(key)}");
    }

    /// <summary>An attribute that is there and that a template may not touch.</summary>
    public static UndefinedValue Unsafe(Value of, string name) =>
        new(() => $"access to attribute {StringText.Represent(name)} of '{of.TypeName}' object is unsafe.", true);

    public TemplateException Fail() => unsafeAccess ? Raise.Security(reason()) : Raise.Undefined(reason());

    public override IEnumerator<Value>? Iterate(Interpreter run)
    {
        yield break;
    }

    public override Value? Attribute(Interpreter run, string name) => HiddenNames.Find(this, name, HiddenNames.Containers) ?? throw Fail();

    public override Value? Item(Interpreter run, Value key) => throw Fail();

    public override Value Slice(Interpreter run, Value start, Value stop, Value step) => throw Fail();

    public override Value Call(Interpreter run, Arguments arguments) => throw Fail();

    public override void Print(TextBuilder to)
    {
    }

    public override void Represent(TextBuilder to) => to.Append("Undefined");
}
