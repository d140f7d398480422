using System.Text.Json;
using Microsoft.AspNetCore.Http;

namespace Lorikeet.Server;

/// <summary>The routes under <c>/lorikeet/v1/keys</c>: scope admin.</summary>
internal sealed class KeyEndpoint(Registry registry, KeyRing ring, ServerOptions options)
{
    private const int MostPattern = 256;
    private static readonly string[] Scopes = ["infer", "manage", "admin", "metrics"];

    public async Task CreateAsync(HttpContext http, Caller caller)
    {
        using JsonDocument document = await RequestBody.ReadAsync(http, options.Limits);
        (KeyRecord key, string secret) = await MakeAsync(registry, new Fields(document.RootElement), options.Limits);
        await JsonText.WriteAsync(http, 201, json => Write(json, key, secret, null));
    }

    public Task ListAsync(HttpContext http, Caller caller) =>
        Pages.WriteAsync(http, options.Limits.Page, [.. registry.Snapshot.Keys], k => k.Id, (json, key) => Write(json, key, null, ring.LastUsed(key.Id)));

    public async Task GetAsync(HttpContext http, Caller caller)
    {
        string id = RouteNames.Of(http, "id");
        KeyRecord key = registry.Snapshot.Key(id) ?? throw Unknown(id);
        long used = Math.Max(ring.LastUsed(id), await registry.LastUsedAsync(id) ?? 0);
        await JsonText.WriteAsync(http, 200, json => Write(json, key, null, used));
    }

    public async Task DeleteAsync(HttpContext http, Caller caller)
    {
        string id = RouteNames.Of(http, "id");
        if (!await registry.WriteAsync(writer => writer.DeleteKey(id)))
        {
            throw Unknown(id);
        }
        await JsonText.WriteAsync(http, 200, json =>
        {
            json.WriteStartObject();
            json.WriteString("id", id);
            json.WriteString("object", "key");
            json.WriteBoolean("deleted", true);
            json.WriteEndObject();
        });
    }

    /// <summary>Makes a key; the secret is not kept.</summary>
    public static async Task<(KeyRecord Key, string Secret)> MakeAsync(Registry registry, Fields body, ServerLimits limits)
    {
        string tenant = TenantNames.Checked(body.Text("tenant") ?? Caller.DefaultTenant);
        IReadOnlyList<string> scopes = body.Has("scopes") ? body.Strings("scopes", single: false) : ["infer"];
        if (scopes.Count == 0 || scopes.FirstOrDefault(s => !Scopes.Contains(s)) is not null)
        {
            throw ApiException.Value("scopes", $"scopes are {string.Join(", ", Scopes)}; expected at least one");
        }
        IReadOnlyList<string>? patterns = body.Has("adapters") ? body.Strings("adapters", single: false) : null;
        if (patterns?.Count > limits.Patterns)
        {
            throw ApiException.Limit("adapters", patterns.Count, limits.Patterns, "the key has too many patterns");
        }
        if (patterns?.Any(p => p.Length is 0 or > MostPattern || p.Any(char.IsControl)) == true)
        {
            throw ApiException.Value("adapters", $"a pattern has 1 to {MostPattern} characters");
        }
        string? label = body.Text("label", 256);
        long? expires = body.Integer("expires", 0, long.MaxValue);
        KeyLimits most = body.Object("limits") is { } given ? KeyText.ReadLimits(given) : KeyLimits.None;
        string secret = KeyText.NewSecret();
        KeyRecord key = new("key_" + Guid.CreateVersion7().ToString("N"), tenant, label, [.. scopes.Distinct()], patterns, KeyText.Hash(secret), registry.Now, expires, most);
        await registry.WriteAsync(writer =>
        {
            long count = writer.Keys(tenant);
            if (count >= limits.Keys)
            {
                throw ApiException.Limit("tenant", count + 1, limits.Keys, "the tenant has too many keys");
            }
            writer.AddKey(KeyText.Write(key));
            return true;
        });
        return (key, secret);
    }

    private static void Write(Utf8JsonWriter json, KeyRecord key, string? secret, long? used)
    {
        json.WriteStartObject();
        json.WriteString("id", key.Id);
        json.WriteString("object", "key");
        json.WriteString("tenant", key.Tenant);
        json.WriteString("label", key.Label);
        Strings("scopes", key.Scopes);
        if (key.Adapters is null)
        {
            json.WriteNull("adapters");
        }
        else
        {
            Strings("adapters", key.Adapters);
        }
        json.WriteNumber("created", key.Created);
        Number("expires", key.Expires);
        json.WritePropertyName("limits");
        KeyText.WriteLimits(json, key.Limits);
        if (secret is null)
        {
            Number("last_used", used is > 0 ? used : null);
        }
        else
        {
            json.WriteString("secret", secret);
        }
        json.WriteEndObject();

        void Strings(string name, IEnumerable<string> values)
        {
            json.WriteStartArray(name);
            foreach (string value in values)
            {
                json.WriteStringValue(value);
            }
            json.WriteEndArray();
        }

        void Number(string name, long? value)
        {
            if (value is { } number)
            {
                json.WriteNumber(name, number);
            }
            else
            {
                json.WriteNull(name);
            }
        }
    }

    private static ApiException Unknown(string id) => ApiException.NotFound("key_not_found", "id", $"there is no key '{(id.Length <= 80 ? id : id[..80])}'");
}
