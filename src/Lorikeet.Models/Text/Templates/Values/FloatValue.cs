namespace Lorikeet.Models.Text.Templates;

/// <summary>Python's float.</summary>
internal sealed class FloatValue(double value) : Value
{
    public double Value => value;

    public override string TypeName => "float";

    public override bool IsTrue => value != 0;

    public override Value? Attribute(Interpreter run, string name) => NumberMethods.OfFloat(run, this, name);

    public override void Represent(TextBuilder to) => to.Append(FloatText.Shortest(value));
}
