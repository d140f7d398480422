using System.Security.Cryptography;
using System.Text;
using System.Text.Json;

namespace Lorikeet.Server;

/// <summary>Keys as the registry writes them, and their secrets.</summary>
internal static class KeyText
{
    /// <summary>A new secret: <c>lk-</c> and 256 random bits.</summary>
    public static string NewSecret() =>
        "lk-" + Convert.ToBase64String(RandomNumberGenerator.GetBytes(32)).TrimEnd('=').Replace('+', '-').Replace('/', '_');

    /// <summary>What is stored of a secret.</summary>
    public static string Hash(string secret) => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(secret)));

    public static KeyRecord Read(KeyRow row)
    {
        using JsonDocument limits = JsonDocument.Parse(row.Limits);
        return new KeyRecord(
            row.Id, row.Tenant, row.Label, row.Scopes.Split(' '), row.Patterns is { } patterns ? patterns.Split('\n', StringSplitOptions.RemoveEmptyEntries) : null, row.Secret, row.Created, row.Expires,
            ReadLimits(new Fields(limits.RootElement, "limits")));
    }

    public static KeyRow Write(KeyRecord key) => new()
    {
        Id = key.Id,
        Tenant = key.Tenant,
        Label = key.Label,
        Scopes = string.Join(' ', key.Scopes),
        Patterns = key.Adapters is null ? null : string.Join('\n', key.Adapters),
        Secret = key.SecretHash,
        Created = key.Created,
        Expires = key.Expires,
        Limits = Encoding.UTF8.GetString(JsonText.Bytes(json => WriteLimits(json, key.Limits)).Span),
    };

    public static KeyLimits ReadLimits(Fields limits) => new()
    {
        RequestsPerMinute = limits.Integer("requests_per_minute", 0, long.MaxValue),
        TokensPerMinute = limits.Integer("tokens_per_minute", 0, long.MaxValue),
        Concurrent = limits.Integer("concurrent", 0, long.MaxValue),
        MaxAdapters = limits.Integer("max_adapters", 0, long.MaxValue),
        Bytes = limits.Integer("bytes", 0, long.MaxValue),
    };

    public static void WriteLimits(Utf8JsonWriter json, KeyLimits limits)
    {
        json.WriteStartObject();
        Number("requests_per_minute", limits.RequestsPerMinute);
        Number("tokens_per_minute", limits.TokensPerMinute);
        Number("concurrent", limits.Concurrent);
        Number("max_adapters", limits.MaxAdapters);
        Number("bytes", limits.Bytes);
        json.WriteEndObject();

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
}
