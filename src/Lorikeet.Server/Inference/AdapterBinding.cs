namespace Lorikeet.Server;

/// <summary>What a request's name was bound to at admission: nothing, one version, or a mixture of several; it holds them until the request ends.</summary>
internal sealed record AdapterBinding
{
    public static AdapterBinding Base { get; } = new();

    /// <summary>The versions with their weights; empty: the bare base.</summary>
    public IReadOnlyList<BoundAdapter> Entries { get; init; } = [];

    public bool IsBase => Entries.Count == 0;

    /// <summary>The only version at its own strength, or null.</summary>
    public BoundAdapter? Single => Entries is [{ Weight: 1 } one] ? one : null;

    /// <summary>What the answer depends on: the sorted pairs of hash and weight.</summary>
    public string Identity => string.Join(
        ';', Entries.OrderBy(e => e.Version.Hash, StringComparer.Ordinal).Select(e => FormattableString.Invariant($"{e.Version.Hash}*{(float)(e.Weight * e.Version.Scale):R}")));
}

/// <summary>One version in a request.</summary>
/// <param name="Tenant">Whose it is.</param>
/// <param name="Name">The adapter's own name, not an alias.</param>
/// <param name="Version">The version.</param>
/// <param name="Weight">What its change is multiplied by.</param>
/// <param name="Pinned">Whether it stays in memory.</param>
internal sealed record BoundAdapter(string Tenant, string Name, StoredVersion Version, double Weight, bool Pinned)
{
    /// <summary>Where a request's mixture names it.</summary>
    public string? Place { get; init; }
}
