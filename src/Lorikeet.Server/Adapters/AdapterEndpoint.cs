using System.Text.Json;
using Microsoft.AspNetCore.Http;

namespace Lorikeet.Server;

/// <summary>The routes under <c>/lorikeet/v1/adapters</c>.</summary>
internal sealed class AdapterEndpoint(Registry registry, AdapterDirectory directory, AdapterStore store, IInference inference, Admission admission, ServerOptions options)
{
    public async Task PutAsync(HttpContext http, Caller caller)
    {
        string tenant = Tenant(http, caller), name = Name(http, caller);
        if (options.Store is null)
        {
            throw ApiException.Unsupported(null, "the server was started without a store for uploads (--store FOLDER)");
        }
        if (AdapterNames.Fault(name, options.AnyLetters) is { } fault)
        {
            throw ApiException.Value("name", fault);
        }
        if (directory.IsBase(name) || name.Contains('@', StringComparison.Ordinal))
        {
            throw ApiException.Bad("name", "name_taken", "the name is the base's, or holds an '@'");
        }
        bool onlyNew = http.Request.Headers.IfNoneMatch.ToString().Trim() == "*";
        string? ifMatch = http.Request.Headers.IfMatch.ToString() is { Length: > 0 } match ? match.Trim().Trim('"') : null;
        (AdapterRecord adapter, bool created) = await store.PutAsync(http, caller, tenant, name, ifMatch, onlyNew, http.RequestAborted);
        await AnswerAsync(http, created ? 201 : 200, adapter);
    }

    public async Task ListAsync(HttpContext http, Caller caller)
    {
        Reader(caller);
        AdapterRecord[] all = caller.Has("admin") && http.Request.Query.ContainsKey("tenant")
            ? [.. registry.Snapshot.Adapters.Where(a => a.Tenant == Tenant(http, caller)).OrderBy(a => a.Name, StringComparer.Ordinal)]
            : [.. directory.Visible(caller)];
        await Pages.WriteAsync(http, options.Limits.Page, all, a => a.Name, Write);
    }

    public async Task GetAsync(HttpContext http, Caller caller)
    {
        Reader(caller);
        AdapterRecord adapter = Find(http, caller, write: false);
        string tag = $"\"{adapter.Active.Hash}\"";
        http.Response.Headers.ETag = tag;
        if (http.Request.Headers.IfNoneMatch.ToString().Split(',').Any(t => t.Trim() == tag))
        {
            http.Response.StatusCode = 304;
            return;
        }
        await AnswerAsync(http, 200, adapter);
    }

    public async Task VersionsAsync(HttpContext http, Caller caller)
    {
        AdapterRecord adapter = Find(http, caller, write: true);
        await Pages.WriteAsync(http, options.Limits.Page, adapter.Versions, v => v.Version.ToString(System.Globalization.CultureInfo.InvariantCulture), (json, version) =>
        {
            json.WriteStartObject();
            json.WriteNumber("version", version.Version);
            json.WriteString("hash", version.Hash);
            json.WriteNumber("created", version.Created);
            json.WriteNumber("bytes", version.Bytes);
            json.WriteBoolean("active", version.Version == adapter.Active.Version);
            json.WriteEndObject();
        });
    }

    public async Task RollbackAsync(HttpContext http, Caller caller)
    {
        AdapterRecord adapter = Find(http, caller, write: true);
        string? to = null;
        if (await BodyAsync(http) is { } document)
        {
            using (document)
            {
                if (new Fields(document.RootElement).TryGet("to", out JsonElement value))
                {
                    to = value.ValueKind is JsonValueKind.String ? value.GetString() : value.ValueKind is JsonValueKind.Number ? value.GetRawText() : throw Fields.Wrong("to", value, "a version or a hash");
                }
            }
        }
        AdapterRecord changed = await registry.WriteAsync(writer =>
        {
            AdapterRecord now = writer.Find(adapter.Tenant, adapter.Name) ?? throw ApiException.NoModel(adapter.Name, "name");
            StoredVersion? target = to is null ? now.Versions.Where(v => v.Version < now.Active.Version).MaxBy(v => v.Version) : now.Find(to);
            writer.Activate(now, target ?? throw ApiException.NotFound("version_not_found", "to", to is null ? "there is no older version" : $"'{now.Name}' has no version '{(to.Length <= 80 ? to : to[..80])}'"));
            return writer.Find(now.Tenant, now.Name)!;
        });
        await AnswerAsync(http, 200, changed);
    }

    public Task PinAsync(HttpContext http, Caller caller) => SetPinAsync(http, caller, pinned: true);

    public Task UnpinAsync(HttpContext http, Caller caller) => SetPinAsync(http, caller, pinned: false);

    public async Task AliasAsync(HttpContext http, Caller caller)
    {
        AdapterRecord adapter = Find(http, caller, write: true);
        using JsonDocument document = await RequestBody.ReadAsync(http, options.Limits);
        Fields body = new(document.RootElement);
        string alias = body.RequiredText("alias");
        bool remove = body.Flag("remove") ?? false;
        if (!caller.May(alias))
        {
            // Whether somebody has that name is not the key's to know.
            throw ApiException.NoModel(alias, "alias");
        }
        if (!remove && AdapterNames.Fault(alias, options.AnyLetters) is { } fault)
        {
            throw ApiException.Value("alias", fault);
        }
        AdapterRecord changed = await registry.WriteAsync(writer =>
        {
            AdapterRecord now = writer.Find(adapter.Tenant, adapter.Name) ?? throw ApiException.NoModel(adapter.Name, "name");
            if (remove)
            {
                writer.RemoveAlias(now, now.Aliases.Contains(alias) ? alias : throw ApiException.NotFound("model_not_found", "alias", $"'{now.Name}' has no alias '{alias}'"));
            }
            else if (!now.Aliases.Contains(alias))
            {
                if (directory.IsBase(alias) || writer.Find(now.Tenant, alias) is not null)
                {
                    throw ApiException.Bad("alias", "name_taken", $"'{alias}' is taken");
                }
                if (now.Aliases.Count >= options.Limits.Aliases)
                {
                    throw ApiException.Limit("alias", now.Aliases.Count + 1, options.Limits.Aliases, "the adapter has too many aliases");
                }
                writer.AddAlias(now, alias);
            }
            return writer.Find(now.Tenant, now.Name)!;
        });
        await AnswerAsync(http, 200, changed);
    }

    public async Task DeleteAsync(HttpContext http, Caller caller)
    {
        string name = Name(http, caller);
        string? version = http.Request.Query["version"].ToString() is { Length: > 0 } asked ? asked : null;
        await RemoveAsync(http, caller, name, version);
        await JsonText.WriteAsync(http, 200, json =>
        {
            json.WriteStartObject();
            json.WriteString("id", name);
            json.WriteString("object", "adapter");
            json.WriteBoolean("deleted", true);
            json.WriteNumber("draining", admission.Using(Tenant(http, caller), name));
            json.WriteEndObject();
        });
    }

    /// <summary>Takes a name, or one of its versions, out of the registry.</summary>
    public async Task RemoveAsync(HttpContext http, Caller caller, string name, string? version)
    {
        AdapterRecord adapter = Find(http, caller, write: true, name);
        await registry.WriteAsync(writer =>
        {
            AdapterRecord now = writer.Find(adapter.Tenant, adapter.Name) ?? throw ApiException.NoModel(name, "name");
            if (version is null)
            {
                writer.Delete(now);
                return now;
            }
            StoredVersion found = now.Find(version) ?? throw ApiException.NotFound("version_not_found", "version", $"'{name}' has no version '{(version.Length <= 80 ? version : version[..80])}'");
            if (found.Version == now.Active.Version)
            {
                throw ApiException.Value("version", $"version {found.Version} is the active one; roll back first, or delete the name");
            }
            writer.Remove(now, found);
            return now;
        });
    }

    /// <summary>Writes an adapter as an object.</summary>
    public void Write(Utf8JsonWriter json, AdapterRecord adapter)
    {
        json.WriteStartObject();
        json.WriteString("id", adapter.Name);
        json.WriteString("object", "adapter");
        json.WriteString("tenant", adapter.Tenant);
        json.WriteNumber("version", adapter.Active.Version);
        json.WriteString("hash", adapter.Active.Hash);
        json.WriteString("kind", adapter.Active.Kind);
        json.WriteNumber("rank", adapter.Active.Rank);
        json.WriteNumber("bytes", adapter.Active.Bytes);
        json.WriteString("base", directory.BaseName);
        json.WriteNumber("created", adapter.Active.Created);
        json.WriteString("state", inference.State(adapter.Tenant, adapter.Active));
        json.WriteBoolean("pinned", adapter.Pinned);
        json.WriteStartArray("aliases");
        foreach (string alias in adapter.Aliases)
        {
            json.WriteStringValue(alias);
        }
        json.WriteEndArray();
        json.WriteEndObject();
    }

    /// <summary>The tenant that a request acts in: the key's, another only for admins.</summary>
    public static string Tenant(HttpContext http, Caller caller)
    {
        string asked = http.Request.Query["tenant"].ToString();
        return asked.Length == 0 || asked == caller.Tenant ? caller.Tenant
            : caller.Has("admin") ? TenantNames.Checked(asked)
            : throw ApiException.Forbidden("insufficient_permissions", "only admin keys reach other tenants");
    }

    private async Task SetPinAsync(HttpContext http, Caller caller, bool pinned)
    {
        AdapterRecord adapter = Find(http, caller, write: true);
        AdapterRecord changed = await registry.WriteAsync(writer =>
        {
            AdapterRecord now = writer.Find(adapter.Tenant, adapter.Name) ?? throw ApiException.NoModel(adapter.Name, "name");
            if (pinned && !now.Pinned && writer.Pinned(now.Tenant) >= options.Limits.Pinned)
            {
                throw ApiException.Forbidden("adapter_quota_exceeded", $"the tenant may pin {options.Limits.Pinned} adapters");
            }
            writer.Pin(now, pinned);
            return writer.Find(now.Tenant, now.Name)!;
        });
        await AnswerAsync(http, 200, changed);
    }

    private async Task AnswerAsync(HttpContext http, int status, AdapterRecord adapter)
    {
        http.Response.Headers.ETag = $"\"{adapter.Active.Hash}\"";
        await JsonText.WriteAsync(http, status, json => Write(json, adapter));
    }

    // Reading reaches shared adapters too; writing only the tenant's own. Refused names cost what absent ones do.
    private AdapterRecord Find(HttpContext http, Caller caller, bool write, string? given = null)
    {
        string name = given ?? RouteNames.Of(http, "name");
        string tenant = Tenant(http, caller);
        AdapterRecord? own = registry.Snapshot.Find(tenant, name), shared = registry.Snapshot.Find(Caller.SharedTenant, name);
        AdapterRecord? found = own ?? (write ? null : shared);
        // An alias opens what it stands for to requests; to look at it or change it the key needs its own name too.
        bool may = caller.May(name) & caller.May(found?.Name ?? name);
        return found is not null && may ? found : throw ApiException.NoModel(name, "name");
    }

    private static string Name(HttpContext http, Caller caller)
    {
        string name = RouteNames.Of(http, "name");
        return caller.May(name) ? name : throw ApiException.NoModel(name, "name");
    }

    private static void Reader(Caller caller)
    {
        if (!caller.Has("manage"))
        {
            caller.Demand("infer");
        }
    }

    private async Task<JsonDocument?> BodyAsync(HttpContext http) =>
        http.Request.ContentLength is null or 0 && http.Request.Headers.TransferEncoding.Count == 0 ? null : await RequestBody.ReadAsync(http, options.Limits);
}
