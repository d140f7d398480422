namespace Lorikeet.Models.Text.Templates;

/// <summary>Python's dict: keys in the order they came; templates cannot change one.</summary>
internal sealed class DictValue : Value
{
    private readonly OrderedDictionary<Value, Value> entries;

    public DictValue(int capacity = 0) => entries = new OrderedDictionary<Value, Value>(capacity, KeyComparer.Instance);

    public DictValue(DictValue copied)
        : this(copied.Count)
    {
        foreach ((Value key, Value value) in copied.entries)
        {
            entries.Add(key, value);
        }
    }

    public int Count => entries.Count;

    public IList<Value> Keys => entries.Keys;

    public IList<Value> Values => entries.Values;

    public IEnumerable<KeyValuePair<Value, Value>> Entries => entries;

    public override string TypeName => "dict";

    public override bool IsTrue => entries.Count > 0;

    public override int? Length => entries.Count;

    /// <summary>Puts an entry in while the dict is made; a key that is there keeps its place.</summary>
    /// <exception cref="TemplateException">The key is a list or a dict.</exception>
    public void Set(Value key, Value value)
    {
        KeyComparer.Require(key);
        entries[key] = value;
    }

    public Value? Get(Value key) => KeyComparer.CanBeKey(key) && entries.TryGetValue(key, out Value? value) ? value : null;

    public Value? Get(string key) => Get(new StringValue(key));

    public override IEnumerator<Value>? Iterate(Interpreter run) => entries.Keys.GetEnumerator();

    public override Value? Attribute(Interpreter run, string name) => DictMethods.Find(run, this, name);

    public override Value? Item(Interpreter run, Value key) => Get(key);

    public override void Represent(TextBuilder to)
    {
        to.Enter();
        to.Append('{');
        bool first = true;
        foreach ((Value key, Value value) in entries)
        {
            to.Append(first ? "" : ", ");
            first = false;
            key.Represent(to);
            to.Append(": ");
            value.Represent(to);
        }
        to.Append('}');
        to.Leave();
    }
}
