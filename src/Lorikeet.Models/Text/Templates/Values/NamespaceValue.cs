namespace Lorikeet.Models.Text.Templates;

/// <summary>What <c>namespace()</c> makes: the one value whose parts a template may set.</summary>
internal sealed class NamespaceValue : Value
{
    private readonly DictValue attributes = new();

    public override string TypeName => "Namespace";

    /// <summary>Sets an attribute.</summary>
    /// <exception cref="TemplateException">Its name begins with an underscore.</exception>
    public void Set(Value name, Value value)
    {
        if (name is StringValue { Text: ['_', ..] } text)
        {
            throw Raise.Security($"Chat templates cannot store underscore-prefixed attributes on a namespace, but got '{text.Text}'. Please rename the attribute.");
        }
        attributes.Set(name, value);
    }

    public override Value? Attribute(Interpreter run, string name) =>
        attributes.Get(name) ?? (name == "__class__" ? UndefinedValue.Unsafe(this, name) : null);

    public override void Represent(TextBuilder to)
    {
        to.Append("<Namespace ");
        attributes.Represent(to);
        to.Append('>');
    }
}
