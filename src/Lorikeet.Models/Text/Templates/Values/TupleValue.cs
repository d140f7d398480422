namespace Lorikeet.Models.Text.Templates;

/// <summary>Python's tuple; with names of its fields it is a named one, as <c>groupby</c> makes.</summary>
internal sealed class TupleValue(IReadOnlyList<Value> items, IReadOnlyList<string>? names = null) : Value
{
    public IReadOnlyList<Value> Items => items;

    public override string TypeName => names is null ? "tuple" : "_GroupTuple";

    public override bool IsTrue => items.Count > 0;

    public override int? Length => items.Count;

    public override IEnumerator<Value>? Iterate(Interpreter run) => items.GetEnumerator();

    public override Value? Attribute(Interpreter run, string name)
    {
        for (int i = 0; i < names?.Count; i++)
        {
            if (names[i] == name)
            {
                return items[i];
            }
        }
        return SequenceMethods.OfTuple(run, this, name);
    }

    public override Value? Item(Interpreter run, Value key) => SequenceMethods.Item(items, key);

    public override Value Slice(Interpreter run, Value start, Value stop, Value step) =>
        new TupleValue(SequenceMethods.Slice(run, items, SliceRange.Of(items.Count, start, stop, step)));

    public override void Represent(TextBuilder to)
    {
        if (items.Count == 1)
        {
            to.Enter();
            to.Append('(');
            items[0].Represent(to);
            to.Append(",)");
            to.Leave();
            return;
        }
        SequenceMethods.Represent(items, '(', ')', to);
    }
}
