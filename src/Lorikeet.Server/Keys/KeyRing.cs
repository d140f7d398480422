using System.Collections.Concurrent;
using System.Security.Cryptography;
using System.Text;

namespace Lorikeet.Server;

/// <summary>Finds the caller of a request by its key.</summary>
internal sealed class KeyRing
{
    private static readonly string[] Static = ["infer", "manage", "metrics"];

    private readonly Registry registry;
    private readonly bool on;
    private readonly byte[][] fixedHashes;
    private readonly ConcurrentDictionary<string, (KeyRecord Key, Caller Caller)> callers = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<string, long> uses = new(StringComparer.Ordinal);
    private readonly Caller fixedCaller = new("static", Caller.DefaultTenant, Static, null, KeyLimits.None, keyed: true);

    public KeyRing(Registry registry, ServerOptions options)
    {
        this.registry = registry;
        on = options.Keys ?? (options.ApiKeys.Count > 0 || !IsLoopback(options.Host));
        fixedHashes = [.. options.ApiKeys.Select(k => SHA256.HashData(Encoding.UTF8.GetBytes(k)))];
        registry.Changed += change =>
        {
            foreach ((KeyRecord? before, _) in change.Keys)
            {
                if (before is not null)
                {
                    callers.TryRemove(before.Id, out _);
                }
            }
        };
    }

    /// <summary>Whether keys are demanded.</summary>
    public bool On => on;

    public static bool IsLoopback(string host) =>
        host is "localhost" || (System.Net.IPAddress.TryParse(host, out System.Net.IPAddress? address) && System.Net.IPAddress.IsLoopback(address));

    /// <summary>The caller of an Authorization header.</summary>
    /// <exception cref="ApiException">401: there is no key, or none that counts.</exception>
    public Caller Find(string? authorization)
    {
        if (!on)
        {
            return Caller.Everybody;
        }
        if (string.IsNullOrEmpty(authorization) || !authorization.StartsWith("Bearer ", StringComparison.OrdinalIgnoreCase))
        {
            throw Refused("there is no key; send the header Authorization: Bearer KEY");
        }
        string secret = authorization["Bearer ".Length..].Trim();
        byte[] hash = SHA256.HashData(Encoding.UTF8.GetBytes(secret));
        bool known = false;
        foreach (byte[] candidate in fixedHashes)
        {
            known |= CryptographicOperations.FixedTimeEquals(candidate, hash);
        }
        if (known)
        {
            return fixedCaller;
        }
        // The dictionary is asked for the hash, not the secret: how long it takes says nothing about secrets.
        string digits = Convert.ToHexStringLower(hash);
        KeyRecord? key = registry.Snapshot.FindKey(digits);
        if (key is null || !CryptographicOperations.FixedTimeEquals(Encoding.ASCII.GetBytes(key.SecretHash), Encoding.ASCII.GetBytes(digits))
            || (key.Expires is { } expires && expires <= registry.Now))
        {
            throw Refused("the key is unknown, deleted or expired");
        }
        uses[key.Id] = registry.Now;
        if (callers.TryGetValue(key.Id, out (KeyRecord Key, Caller Caller) cached) && ReferenceEquals(cached.Key, key))
        {
            return cached.Caller;
        }
        Caller caller = new(key.Id, key.Tenant, key.Scopes, key.Adapters, key.Limits, keyed: true);
        callers[key.Id] = (key, caller);
        return caller;
    }

    /// <summary>When a key was last used here; 0: not since the start.</summary>
    public long LastUsed(string keyId) => uses.GetValueOrDefault(keyId);

    /// <summary>Writes the times of use to the registry.</summary>
    public async Task SaveUsesAsync()
    {
        KeyValuePair<string, long>[] taken = [.. uses];
        if (taken.Length > 0)
        {
            await registry.NoteUseAsync(taken);
        }
    }

    private static ApiException Refused(string message) => new(401, ErrorTypes.Request, "invalid_api_key", null, message);
}
