using System.Collections.Immutable;

namespace Lorikeet.Server;

/// <summary>What the registry held at one moment; requests read it without a lock.</summary>
/// <remarks>The next moment's shares all that did not change with it: a write costs what it writes, however much is registered.</remarks>
internal sealed class RegistrySnapshot
{
    private ImmutableSortedDictionary<string, AdapterRecord> adapters = ImmutableSortedDictionary.Create<string, AdapterRecord>(StringComparer.Ordinal);
    private ImmutableSortedDictionary<string, KeyRecord> keys = ImmutableSortedDictionary.Create<string, KeyRecord>(StringComparer.Ordinal);
    private ImmutableDictionary<string, KeyRecord> bySecret = ImmutableDictionary.Create<string, KeyRecord>(StringComparer.Ordinal);
    private ImmutableDictionary<(string Tenant, string Name), AdapterRecord> byName = ImmutableDictionary<(string Tenant, string Name), AdapterRecord>.Empty;
    private ImmutableDictionary<(string Tenant, string Name), AdapterRecord> byAlias = ImmutableDictionary<(string Tenant, string Name), AdapterRecord>.Empty;
    private ImmutableDictionary<(string Tenant, string Hash), ImmutableArray<AdapterRecord>> byContent = ImmutableDictionary<(string Tenant, string Hash), ImmutableArray<AdapterRecord>>.Empty;
    private ImmutableDictionary<string, (long Adapters, long Bytes)> owned = ImmutableDictionary.Create<string, (long Adapters, long Bytes)>(StringComparer.Ordinal);

    private RegistrySnapshot()
    {
    }

    public static RegistrySnapshot Empty { get; } = new() { Generation = -1 };

    /// <summary>Counts the writes of all processes.</summary>
    public long Generation { get; private init; }

    /// <summary>How many adapters there are.</summary>
    public int Count => adapters.Count;

    /// <summary>All adapters, oldest first: their ids grow with time.</summary>
    public IEnumerable<AdapterRecord> Adapters => adapters.Values;

    /// <summary>All keys, oldest first.</summary>
    public IEnumerable<KeyRecord> Keys => keys.Values;

    public AdapterRecord? Find(string tenant, string name) => byName.GetValueOrDefault((tenant, name)) ?? byAlias.GetValueOrDefault((tenant, name));

    /// <summary>The adapter of a row.</summary>
    public AdapterRecord? Row(string id) => adapters.GetValueOrDefault(id);

    public KeyRecord? FindKey(string secretHash) => bySecret.GetValueOrDefault(secretHash);

    /// <summary>The key of a row.</summary>
    public KeyRecord? Key(string id) => keys.GetValueOrDefault(id);

    /// <summary>The adapters of a tenant that have a version of some content.</summary>
    public ImmutableArray<AdapterRecord> With(string tenant, string hash) => byContent.TryGetValue((tenant, hash), out ImmutableArray<AdapterRecord> found) ? found : [];

    /// <summary>How many adapters a tenant has, and the bytes of theirs that the store owns.</summary>
    public (long Adapters, long Bytes) Owned(string tenant) => owned.GetValueOrDefault(tenant);

    /// <summary>The same with some rows as they are at another moment; null: they are gone.</summary>
    public RegistrySnapshot After(long generation, IReadOnlyCollection<(AdapterRecord? Before, AdapterRecord? After)> changed, IReadOnlyCollection<(KeyRecord? Before, KeyRecord? After)> changedKeys)
    {
        var rows = adapters.ToBuilder();
        var names = byName.ToBuilder();
        var aliases = byAlias.ToBuilder();
        var contents = byContent.ToBuilder();
        var owners = owned.ToBuilder();
        // What goes goes first: a name may have been given to another row.
        foreach (AdapterRecord adapter in changed.Select(c => c.Before).OfType<AdapterRecord>())
        {
            rows.Remove(adapter.Id);
            names.Remove((adapter.Tenant, adapter.Name));
            foreach (string alias in adapter.Aliases)
            {
                aliases.Remove((adapter.Tenant, alias));
            }
            foreach (string hash in Contents(adapter))
            {
                ImmutableArray<AdapterRecord> others = contents[(adapter.Tenant, hash)].Remove(adapter, ReferenceEqualityComparer.Instance);
                if (others.IsEmpty)
                {
                    contents.Remove((adapter.Tenant, hash));
                }
                else
                {
                    contents[(adapter.Tenant, hash)] = others;
                }
            }
            (long count, long bytes) = owners[adapter.Tenant];
            owners[adapter.Tenant] = (count - 1, bytes - Bytes(adapter));
        }
        foreach (AdapterRecord adapter in changed.Select(c => c.After).OfType<AdapterRecord>())
        {
            rows[adapter.Id] = adapter;
            names[(adapter.Tenant, adapter.Name)] = adapter;
            foreach (string alias in adapter.Aliases)
            {
                aliases[(adapter.Tenant, alias)] = adapter;
            }
            foreach (string hash in Contents(adapter))
            {
                contents[(adapter.Tenant, hash)] = contents.TryGetValue((adapter.Tenant, hash), out ImmutableArray<AdapterRecord> others) ? others.Add(adapter) : [adapter];
            }
            (long count, long bytes) = owners.GetValueOrDefault(adapter.Tenant);
            owners[adapter.Tenant] = (count + 1, bytes + Bytes(adapter));
        }
        return new RegistrySnapshot
        {
            Generation = generation,
            adapters = rows.ToImmutable(),
            byName = names.ToImmutable(),
            byAlias = aliases.ToImmutable(),
            byContent = contents.ToImmutable(),
            owned = owners.ToImmutable(),
            keys = keys.RemoveRange(changedKeys.Select(c => c.Before).OfType<KeyRecord>().Select(k => k.Id))
                .SetItems(changedKeys.Select(c => c.After).OfType<KeyRecord>().Select(k => KeyValuePair.Create(k.Id, k))),
            bySecret = bySecret.RemoveRange(changedKeys.Select(c => c.Before).OfType<KeyRecord>().Select(k => k.SecretHash))
                .SetItems(changedKeys.Select(c => c.After).OfType<KeyRecord>().Select(k => KeyValuePair.Create(k.SecretHash, k))),
        };
    }

    private static IEnumerable<string> Contents(AdapterRecord adapter) => adapter.Versions.Select(v => v.Hash).Distinct();

    private static long Bytes(AdapterRecord adapter) => adapter.Versions.Where(v => v.Managed).Sum(v => v.Bytes);
}

/// <summary>A new snapshot, and the rows in which it differs from the one before.</summary>
/// <param name="Snapshot">What the registry holds now.</param>
/// <param name="Adapters">The adapters that changed, as they were and as they are; null: not there.</param>
/// <param name="Keys">The keys that changed.</param>
internal sealed record RegistryChange(
    RegistrySnapshot Snapshot, IReadOnlyCollection<(AdapterRecord? Before, AdapterRecord? After)> Adapters, IReadOnlyCollection<(KeyRecord? Before, KeyRecord? After)> Keys)
{
    /// <summary>All that a snapshot holds, as new.</summary>
    public static RegistryChange All(RegistrySnapshot snapshot) => new(snapshot, [.. snapshot.Adapters.Select(a => ((AdapterRecord?)null, (AdapterRecord?)a))], [.. snapshot.Keys.Select(k => ((KeyRecord?)null, (KeyRecord?)k))]);
}
