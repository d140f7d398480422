namespace Lorikeet.Models.Text.Templates;

/// <summary>What <c>cycler()</c> makes.</summary>
internal sealed class CyclerValue : Value
{
    private readonly IReadOnlyList<Value> items;
    private int position;

    public CyclerValue(Arguments arguments)
    {
        items = arguments.Positional.Count > 0 ? arguments.Positional : throw Raise.Runtime("at least one item has to be provided");
    }

    public override string TypeName => "Cycler";

    public override Value? Attribute(Interpreter run, string name) => name switch
    {
        "current" => items[position],
        "items" => new TupleValue(items),
        "pos" => IntValue.Of(position),
        "next" => new FunctionValue(name, (_, _) =>
        {
            Value now = items[position];
            position = (position + 1) % items.Count;
            return now;
        }),
        "reset" => new FunctionValue(name, (_, _) =>
        {
            position = 0;
            return NoneValue.None;
        }),
        _ => HiddenNames.Find(this, name, HiddenNames.Objects),
    };

    public override void Represent(TextBuilder to) => to.Append("<Cycler object>");
}
