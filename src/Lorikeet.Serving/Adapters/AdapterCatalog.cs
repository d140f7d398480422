using System.Collections.Concurrent;

namespace Lorikeet.Serving;

/// <summary>Adapters by name. A name leads to one version at a time; replacing it does not touch requests that are bound already. Thread-safe.</summary>
/// <remarks>Ten thousand names cost their strings: nothing is opened before a request asks for it.</remarks>
public sealed class AdapterCatalog
{
    private readonly ConcurrentDictionary<string, AdapterVersion> versions = new(StringComparer.Ordinal);

    /// <summary>How many names there are.</summary>
    public int Count => versions.Count;

    /// <summary>All names, in ordinal order.</summary>
    public IReadOnlyList<string> Names => [.. versions.Keys.Order(StringComparer.Ordinal)];

    /// <summary>Gives a name its version, in the place of the one it may have had.</summary>
    /// <param name="name">The name.</param>
    /// <param name="source">Where the numbers come from.</param>
    /// <param name="hash">The hash of the content, or null.</param>
    /// <param name="replaced">The version before, or null; the caller retires it (<see cref="EngineHost.RetireAsync"/>).</param>
    /// <returns>The new version.</returns>
    public AdapterVersion Set(string name, AdapterSource source, string? hash, out AdapterVersion? replaced)
    {
        AdapterVersion version = new(name, source, hash);
        AdapterVersion? before = null;
        versions.AddOrUpdate(name, version, (_, old) =>
        {
            before = old;
            return version;
        });
        replaced = before;
        return version;
    }

    /// <summary>Gives a name its version.</summary>
    /// <param name="name">The name.</param>
    /// <param name="source">Where the numbers come from.</param>
    /// <param name="hash">The hash of the content, or null.</param>
    public AdapterVersion Set(string name, AdapterSource source, string? hash = null) => Set(name, source, hash, out _);

    /// <summary>The version of a name, or null.</summary>
    /// <param name="name">The name.</param>
    public AdapterVersion? Find(string name) => versions.GetValueOrDefault(name);

    /// <summary>Takes a name out.</summary>
    /// <param name="name">The name.</param>
    /// <returns>The version it had, which the caller retires; null: there is no such name.</returns>
    public AdapterVersion? Remove(string name) => versions.TryRemove(name, out AdapterVersion? version) ? version : null;
}
