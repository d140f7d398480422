using System.Collections.Frozen;

namespace Lorikeet.Server;

/// <summary>What the registry held at one moment; requests read it without a lock.</summary>
internal sealed class RegistrySnapshot
{
    private readonly FrozenDictionary<(string Tenant, string Name), AdapterRecord> byName;
    private readonly FrozenDictionary<string, KeyRecord> byHash;

    public RegistrySnapshot(long generation, IReadOnlyList<AdapterRecord> adapters, IReadOnlyList<KeyRecord> keys)
    {
        Generation = generation;
        Adapters = adapters;
        Keys = keys;
        Dictionary<(string, string), AdapterRecord> names = [];
        foreach (AdapterRecord adapter in adapters)
        {
            names[(adapter.Tenant, adapter.Name)] = adapter;
        }
        foreach (AdapterRecord adapter in adapters)
        {
            foreach (string alias in adapter.Aliases)
            {
                names.TryAdd((adapter.Tenant, alias), adapter);
            }
        }
        byName = names.ToFrozenDictionary();
        byHash = keys.ToFrozenDictionary(k => k.SecretHash, StringComparer.Ordinal);
    }

    public static RegistrySnapshot Empty { get; } = new(-1, [], []);

    /// <summary>Counts the writes of all processes.</summary>
    public long Generation { get; }

    /// <summary>All adapters, oldest first.</summary>
    public IReadOnlyList<AdapterRecord> Adapters { get; }

    public IReadOnlyList<KeyRecord> Keys { get; }

    public AdapterRecord? Find(string tenant, string name) => byName.GetValueOrDefault((tenant, name));

    public KeyRecord? FindKey(string secretHash) => byHash.GetValueOrDefault(secretHash);
}
