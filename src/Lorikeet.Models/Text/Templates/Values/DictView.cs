namespace Lorikeet.Models.Text.Templates;

/// <summary>What a dict's <c>keys()</c>, <c>values()</c> and <c>items()</c> give: it can be walked again and again, but not indexed.</summary>
internal sealed class DictView(string name, DictValue dict, Func<DictValue, IEnumerable<Value>> items) : Value
{
    public DictValue Dict => dict;

    /// <summary>Whether these are the keys, which <c>in</c> finds at once.</summary>
    public bool AreKeys => name == "dict_keys";

    public override string TypeName => name;

    public override bool IsTrue => dict.Count > 0;

    public override int? Length => dict.Count;

    public override IEnumerator<Value>? Iterate(Interpreter run) => items(dict).GetEnumerator();

    public override Value? Attribute(Interpreter run, string name) => HiddenNames.Find(this, name, HiddenNames.Containers);

    public override void Represent(TextBuilder to)
    {
        to.Append(name).Append('(');
        SequenceMethods.Represent([.. items(dict)], '[', ']', to);
        to.Append(')');
    }
}
