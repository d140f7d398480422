namespace Lorikeet.Server;

/// <summary>Who asks: a key with its tenant, scopes, names and limits.</summary>
internal sealed class Caller
{
    public const string DefaultTenant = "default";
    public const string SharedTenant = "shared";

    private readonly NamePatterns? patterns;

    public Caller(string? keyId, string tenant, IReadOnlyList<string> scopes, IReadOnlyList<string>? adapters, KeyLimits limits, bool keyed)
    {
        KeyId = keyId;
        Tenant = tenant;
        Scopes = scopes;
        Limits = limits;
        Keyed = keyed;
        patterns = adapters is null ? null : new NamePatterns(adapters);
    }

    /// <summary>Everybody, where keys are off.</summary>
    public static Caller Everybody { get; } = new(null, DefaultTenant, ["infer", "manage", "admin", "metrics"], null, KeyLimits.None, keyed: false);

    public string? KeyId { get; }

    public string Tenant { get; }

    public IReadOnlyList<string> Scopes { get; }

    public KeyLimits Limits { get; }

    /// <summary>Whether keys are on: prefixes of different tenants are then never shared.</summary>
    public bool Keyed { get; }

    public bool Has(string scope) => Scopes.Contains(scope);

    /// <summary>Whether the key's patterns allow a name; costs the same for names that exist and that do not.</summary>
    public bool May(string name) => patterns is null || patterns.Matches(name);

    public void Demand(string scope)
    {
        if (!Has(scope))
        {
            throw ApiException.Forbidden("insufficient_permissions", $"the key lacks the scope '{scope}'");
        }
    }
}
