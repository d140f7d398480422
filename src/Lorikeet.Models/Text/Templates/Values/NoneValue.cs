namespace Lorikeet.Models.Text.Templates;

/// <summary>Python's None.</summary>
internal sealed class NoneValue : Value
{
    public static readonly NoneValue None = new();

    private NoneValue()
    {
    }

    public override string TypeName => "NoneType";

    public override bool IsTrue => false;

    public override Value? Attribute(Interpreter run, string name) => HiddenNames.Find(this, name, HiddenNames.Objects);

    public override void Represent(TextBuilder to) => to.Append("None");
}
