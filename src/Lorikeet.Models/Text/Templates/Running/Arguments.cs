namespace Lorikeet.Models.Text.Templates;

/// <summary>What a call passes.</summary>
internal sealed class Arguments(IReadOnlyList<Value> positional, IReadOnlyList<KeyValuePair<string, Value>> named)
{
    public static readonly Arguments None = new([], []);

    public IReadOnlyList<Value> Positional => positional;

    public IReadOnlyList<KeyValuePair<string, Value>> Named => named;

    public Value? Name(string name)
    {
        foreach ((string key, Value value) in named)
        {
            if (key == name)
            {
                return value;
            }
        }
        return null;
    }

    /// <summary>The same without the first positional ones.</summary>
    public Arguments Skip(int count) => new([.. positional.Skip(count)], named);

    /// <summary>The same without some named ones.</summary>
    public Arguments Without(params ReadOnlySpan<string> names)
    {
        List<KeyValuePair<string, Value>> rest = [];
        foreach (KeyValuePair<string, Value> entry in named)
        {
            if (!names.Contains(entry.Key))
            {
                rest.Add(entry);
            }
        }
        return new Arguments(positional, rest);
    }
}
