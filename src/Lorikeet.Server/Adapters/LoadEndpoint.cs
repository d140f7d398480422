using System.Text.Json;
using Lorikeet.Serving;
using Microsoft.AspNetCore.Http;

namespace Lorikeet.Server;

/// <summary>vLLM's <c>POST /v1/load_lora_adapter</c> and <c>POST /v1/unload_lora_adapter</c>: they read the server's disk.</summary>
internal sealed class LoadEndpoint(Registry registry, AdapterDirectory directory, AdapterEndpoint adapters, Admission admission, IInference inference, ServerOptions options)
{
    private readonly NameGates gates = new();

    public async Task LoadAsync(HttpContext http, Caller caller)
    {
        using JsonDocument document = await RequestBody.ReadAsync(http, options.Limits);
        Fields body = new(document.RootElement);
        string? name = body.Text("lora_name"), path = body.Text("lora_path");
        if (string.IsNullOrEmpty(name) || string.IsNullOrEmpty(path))
        {
            throw Input("both 'lora_name' and 'lora_path' must be given", string.IsNullOrEmpty(name) ? "lora_name" : "lora_path");
        }
        bool inPlace = body.Flag("load_inplace") ?? false;
        _ = body.Flag("is_3d_lora_weight");
        string tenant = body.Text("tenant") is { } asked ? TenantNames.Checked(asked) : caller.Tenant;
        if (body.Text("base_model_name") is { Length: > 0 } baseName && !directory.IsBase(baseName))
        {
            throw ApiException.Bad("base_model_name", "adapter_mismatch", $"the base is '{directory.BaseName}', not '{baseName}'");
        }
        if (AdapterNames.Fault(name, options.AnyLetters) is { } fault)
        {
            throw ApiException.Value("lora_name", fault);
        }
        if (directory.IsBase(name))
        {
            throw ApiException.Bad("lora_name", "name_taken", "the name is the base's");
        }
        string folder = Folder(path);
        double scale = body.Number("scale", -100, 100) ?? 1;
        bool pinned = body.Flag("pinned") ?? false;
        AdapterRecord adapter;
        using (await gates.EnterAsync(tenant, name, http.RequestAborted))
        {
            Check(registry.Snapshot.Find(tenant, name), () => registry.Snapshot.Owned(tenant).Adapters, () => 0);
            StoredVersion version = await directory.ReadAsync(tenant, name, folder, scale, managed: false, http.RequestAborted);
            // In memory before it has its name: what cannot be loaded changes nothing.
            await BringAsync(new BoundAdapter(tenant, name, version, 1, pinned), http.RequestAborted);
            adapter = await directory.WriteAsync(tenant, name, version, pinned, (writer, now) => Check(now, () => writer.Adapters(tenant), () => writer.Pinned(tenant)));
        }
        if (http.Request.Headers.Accept.ToString().Trim() == "application/json")
        {
            await JsonText.WriteAsync(http, 200, json => adapters.Write(json, adapter));
            return;
        }
        await TextAsync(http, $"Success: LoRA adapter '{name}' added successfully.");

        void Check(AdapterRecord? known, Func<long> adapters, Func<long> pins)
        {
            Expected(body, known, name);
            if (known is not null && !inPlace)
            {
                throw Input($"the adapter '{name}' has been loaded already; send load_inplace: true to replace it", "lora_name");
            }
            if (known is null && caller.Limits.MaxAdapters is { } most && adapters() >= most)
            {
                throw ApiException.Forbidden("adapter_quota_exceeded", $"the tenant's limit is {most} adapters");
            }
            if (pinned && known?.Pinned != true && pins() >= options.Limits.Pinned)
            {
                throw ApiException.Forbidden("adapter_quota_exceeded", $"the tenant may pin {options.Limits.Pinned} adapters");
            }
        }
    }

    public async Task UnloadAsync(HttpContext http, Caller caller)
    {
        using JsonDocument document = await RequestBody.ReadAsync(http, options.Limits);
        Fields body = new(document.RootElement);
        string? name = body.Text("lora_name");
        _ = body.Integer("lora_int_id", long.MinValue, long.MaxValue);
        if (string.IsNullOrEmpty(name))
        {
            throw Input("'lora_name' must be given", "lora_name");
        }
        string tenant = body.Text("tenant") is { } asked ? TenantNames.Checked(asked) : caller.Tenant;
        AdapterRecord adapter = registry.Snapshot.Find(tenant, name) ?? throw new ApiException(404, ErrorTypes.Request, "model_not_found", "lora_name", $"The lora adapter `{name}` cannot be found.");
        await registry.WriteAsync(writer =>
        {
            if (writer.Find(adapter.Tenant, adapter.Name) is { } now)
            {
                writer.Delete(now);
            }
            return true;
        });
        if (http.Request.Query["wait"].ToString() == "true")
        {
            await admission.IdleAsync(adapter.Tenant, adapter.Name, http.RequestAborted);
            await inference.LeftAsync(adapter.Tenant, adapter.Versions, http.RequestAborted);
        }
        await TextAsync(http, $"Success: LoRA adapter '{name}' removed successfully.");
    }

    private async Task BringAsync(BoundAdapter adapter, CancellationToken stop)
    {
        try
        {
            await inference.LoadAsync(adapter, stop);
        }
        catch (AdapterLoadException e)
        {
            throw e.InnerException switch
            {
                EngineBusyException => new ApiException(503, ErrorTypes.Server, "adapter_memory", null, "there is no memory for the adapter while all others are in use") { RetrySeconds = admission.ExpectedWait },
                CacheTooSmallException => ApiException.Bad("lora_path", "limit_exceeded", "the adapter needs more memory than the server has for keys, values and adapters"),
                _ => AdapterCheck.Invalid("lora_path", "the adapter cannot be used: its files are absent, damaged or do not fit"),
            };
        }
    }

    private static void Expected(Fields body, AdapterRecord? known, string name)
    {
        if (!body.TryGet("expected_version", out JsonElement expected))
        {
            return;
        }
        string wanted = expected.ValueKind == JsonValueKind.String ? expected.GetString()! : expected.ValueKind == JsonValueKind.Number ? expected.GetRawText() : throw Fields.Wrong("expected_version", expected, "a number or a hash");
        if (known?.Find(wanted)?.Version != known?.Active.Version || known is null)
        {
            throw ApiException.Precondition($"the active version of '{name}' is {known?.Active.Version.ToString(System.Globalization.CultureInfo.InvariantCulture) ?? "none"}, not '{(wanted.Length <= 80 ? wanted : wanted[..80])}'");
        }
    }

    private string Folder(string path)
    {
        if (path.Contains("://", StringComparison.Ordinal))
        {
            throw ApiException.Unsupported("lora_path", "remote sources are off");
        }
        if (path.Split('/', '\\').Contains(".."))
        {
            throw ApiException.Forbidden("insufficient_permissions", "the path has a segment '..'");
        }
        string folder = Path.GetFullPath(path);
        bool inside = options.LoadRoots.Count == 0 || options.LoadRoots.Any(r => (folder + "/").StartsWith(Path.GetFullPath(r).TrimEnd('/') + "/", StringComparison.Ordinal));
        if (!inside)
        {
            throw ApiException.Forbidden("insufficient_permissions", "the path is outside the allowed roots");
        }
        if (!File.Exists(Path.Combine(folder, Lorikeet.Adapters.AdapterFolder.ConfigName)))
        {
            throw new ApiException(404, ErrorTypes.Request, "adapter_not_found", "lora_path", $"No adapter found for '{path}'");
        }
        return AdapterDirectory.LeavesRoots(folder, options.LoadRoots) ? throw ApiException.Forbidden("insufficient_permissions", "a link leads out of the allowed roots") : folder;
    }

    private static async Task TextAsync(HttpContext http, string text)
    {
        http.Response.ContentType = "text/plain; charset=utf-8";
        await http.Response.WriteAsync(text, http.RequestAborted);
    }

    private static ApiException Input(string message, string param) => new(400, ErrorTypes.Request, "invalid_value", param, message) { VllmType = "InvalidUserInput" };
}
