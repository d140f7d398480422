namespace Lorikeet.Server;

#pragma warning disable SA1649, CA1812 // Rows as the database gives them; Dapper makes them.
internal sealed record AdapterRow
{
    public string Id { get; init; } = "";

    public string Tenant { get; init; } = "";

    public string Name { get; init; } = "";

    public long Created { get; init; }

    public long Active { get; init; }

    public long Pinned { get; init; }
}

internal sealed record VersionRow
{
    public string Id { get; init; } = "";

    public string Adapter { get; init; } = "";

    public long Version { get; init; }

    public string Hash { get; init; } = "";

    public string Kind { get; init; } = "";

    public long Rank { get; init; }

    public long Bytes { get; init; }

    public string Base { get; init; } = "";

    public long Created { get; init; }

    public string Folder { get; init; } = "";

    public long Managed { get; init; }

    public double Scale { get; init; } = 1;

    public StoredVersion ToVersion() => new(Id, (int)Version, Hash, Kind, (int)Rank, Bytes, Base, Created, Folder, Managed != 0, Scale);
}

internal sealed record AliasRow
{
    public string Adapter { get; init; } = "";

    public string Alias { get; init; } = "";
}

internal sealed record ChangeRow
{
    public const string Adapter = "adapter", Key = "key", All = "all", None = "none";

    public long Generation { get; init; }

    public string Kind { get; init; } = "";

    public string Id { get; init; } = "";
}

internal sealed record KeyRow
{
    public string Id { get; init; } = "";

    public string Tenant { get; init; } = "";

    public string? Label { get; init; }

    public string Scopes { get; init; } = "";

    public string? Patterns { get; init; }

    public string Secret { get; init; } = "";

    public long Created { get; init; }

    public long? Expires { get; init; }

    public long? LastUsed { get; init; }

    public string Limits { get; init; } = "";
}
#pragma warning restore SA1649, CA1812
