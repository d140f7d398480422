namespace Lorikeet.Models.Text.Templates;

/// <summary>Python's list; templates cannot change one.</summary>
internal sealed class ListValue(IReadOnlyList<Value> items) : Value
{
    public IReadOnlyList<Value> Items => items;

    public override string TypeName => "list";

    public override bool IsTrue => items.Count > 0;

    public override int? Length => items.Count;

    public override IEnumerator<Value>? Iterate(Interpreter run) => items.GetEnumerator();

    public override Value? Attribute(Interpreter run, string name) => SequenceMethods.OfList(run, this, name);

    public override Value? Item(Interpreter run, Value key) => SequenceMethods.Item(items, key);

    public override Value Slice(Interpreter run, Value start, Value stop, Value step) =>
        new ListValue(SequenceMethods.Slice(run, items, SliceRange.Of(items.Count, start, stop, step)));

    public override void Represent(TextBuilder to) => SequenceMethods.Represent(items, '[', ']', to);
}
