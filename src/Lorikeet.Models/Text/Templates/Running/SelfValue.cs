namespace Lorikeet.Models.Text.Templates;

/// <summary>The variable <c>self</c>: its attributes run the template's blocks.</summary>
internal sealed class SelfValue : Value
{
    public override string TypeName => "TemplateReference";

    public override Value? Attribute(Interpreter run, string name) => Block(run, name);

    public override Value? Item(Interpreter run, Value key) => key is StringValue name ? Block(run, name.Text) : null;

    public override void Represent(TextBuilder to) => to.Append("<TemplateReference None>");

    private static FunctionValue? Block(Interpreter run, string name) => run.Blocks.TryGetValue(name, out BlockNode? block)
        ? new FunctionValue(name, (r, _) => r.Capture(() => block.Run(r, r.Root)))
        : null;
}
