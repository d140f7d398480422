namespace Lorikeet.Server;

/// <summary>A registered adapter of a tenant: its name, its versions, what it is called beside.</summary>
/// <param name="Id">Its row.</param>
/// <param name="Tenant">Whose it is.</param>
/// <param name="Name">Its name.</param>
/// <param name="Created">Unix seconds.</param>
/// <param name="Pinned">Whether it stays in memory.</param>
/// <param name="Active">The version that its name means.</param>
/// <param name="Versions">All versions, newest first.</param>
/// <param name="Aliases">Its other names.</param>
internal sealed record AdapterRecord(
    string Id, string Tenant, string Name, long Created, bool Pinned, StoredVersion Active, IReadOnlyList<StoredVersion> Versions, IReadOnlyList<string> Aliases)
{
    /// <summary>The version of a number, or of at least 12 hexadecimal digits of its hash.</summary>
    public StoredVersion? Find(string version)
    {
        foreach (StoredVersion known in Versions)
        {
            if (int.TryParse(version, System.Globalization.NumberStyles.None, null, out int number) && version.Length < 12)
            {
                if (known.Version == number)
                {
                    return known;
                }
            }
            else if (version.Length >= 12 && known.Digits.StartsWith(version.StartsWith("sha256-", StringComparison.Ordinal) ? version[7..] : version, StringComparison.Ordinal))
            {
                return known;
            }
        }
        return null;
    }
}

/// <summary>One immutable version of an adapter.</summary>
/// <param name="Id">Its row.</param>
/// <param name="Version">Its number, from 1.</param>
/// <param name="Hash"><c>sha256-</c> and 64 hexadecimal digits over its files.</param>
/// <param name="Kind">The method, for example lora.</param>
/// <param name="Rank">Its rank, 0 where it has none.</param>
/// <param name="Bytes">Bytes of its files.</param>
/// <param name="Base">The model it is for.</param>
/// <param name="Created">Unix seconds.</param>
/// <param name="Folder">Where its files are.</param>
/// <param name="Managed">Whether the store owns the files.</param>
/// <param name="Scale">What its change is multiplied by; 1.</param>
internal sealed record StoredVersion(
    string Id, int Version, string Hash, string Kind, int Rank, long Bytes, string Base, long Created, string Folder, bool Managed, double Scale = 1)
{
    /// <summary>The hash's hexadecimal digits.</summary>
    public string Digits => Hash["sha256-".Length..];
}

/// <summary>A key as it is stored: its secret only as a hash.</summary>
internal sealed record KeyRecord(
    string Id, string Tenant, string? Label, IReadOnlyList<string> Scopes, IReadOnlyList<string>? Adapters, string SecretHash, long Created, long? Expires, KeyLimits Limits)
{
    public bool Has(string scope) => Scopes.Contains(scope);
}

/// <summary>What a key may use; null: no limit.</summary>
internal sealed record KeyLimits
{
    public static KeyLimits None { get; } = new();

    public long? RequestsPerMinute { get; init; }

    public long? TokensPerMinute { get; init; }

    public long? Concurrent { get; init; }

    public long? MaxAdapters { get; init; }

    public long? Bytes { get; init; }
}
