namespace Lorikeet.Models.Text.Templates;

/// <summary>A function or a method with its receiver.</summary>
internal sealed class FunctionValue(string name, Func<Interpreter, Arguments, Value> body) : Value
{
    public override string TypeName => "function";

    public override bool IsCallable => true;

    public override Value? Attribute(Interpreter run, string attribute) => HiddenNames.Find(this, attribute, HiddenNames.Functions);

    public override Value Call(Interpreter run, Arguments arguments) => body(run, arguments);

    public override void Represent(TextBuilder to) => to.Append($"<function {name}>");
}
