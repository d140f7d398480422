namespace Lorikeet.Models.Text.Templates;

/// <summary>A Python generator or iterator: it is walked once.</summary>
internal sealed class IteratorValue(IEnumerator<Value> items, string name = "generator") : Value
{
    public override string TypeName => name;

    public override IEnumerator<Value>? Iterate(Interpreter run) => items;

    public override Value? Attribute(Interpreter run, string attribute) => HiddenNames.Find(this, attribute, HiddenNames.Generators);

    public override void Represent(TextBuilder to) => to.Append($"<{name} object>");
}
