using System.Globalization;
using System.Text.Json;
using Microsoft.AspNetCore.Http;

namespace Lorikeet.Server;

/// <summary><c>GET /v1/models</c>, <c>GET</c> and <c>DELETE /v1/models/{id}</c>, llama.cpp's <c>GET /lora-adapters</c>.</summary>
internal sealed class ModelEndpoint(AdapterDirectory directory, AdapterEndpoint adapters, GenerationServices services, long started)
{
    public async Task ListAsync(HttpContext http, Caller caller)
    {
        List<(string Id, AdapterRecord? Adapter)> cards = [.. directory.BaseNames.Where(caller.May).Select(n => (n, (AdapterRecord?)null)), .. directory.Visible(caller).Select(a => (a.Name, (AdapterRecord?)a))];
        if (http.Request.Query["after"].ToString() is { Length: > 0 } after)
        {
            int at = cards.FindIndex(c => c.Id == after);
            cards.RemoveRange(0, at + 1);
        }
        if (http.Request.Query["limit"].ToString() is { Length: > 0 } limit)
        {
            int most = int.TryParse(limit, NumberStyles.None, CultureInfo.InvariantCulture, out int number) && number > 0 ? number : throw ApiException.Value("limit", "limit is no integer of 1 or more");
            cards = [.. cards.Take(most)];
        }
        await JsonText.WriteAsync(http, 200, json =>
        {
            json.WriteStartObject();
            json.WriteString("object", "list");
            json.WriteStartArray("data");
            foreach ((string id, AdapterRecord? adapter) in cards)
            {
                Write(json, id, adapter, caller);
            }
            json.WriteEndArray();
            json.WriteEndObject();
        });
    }

    public async Task GetAsync(HttpContext http, Caller caller)
    {
        string id = RouteNames.Of(http, "id");
        BoundAdapter? bound = await directory.FindAsync(caller, id, "model", http.RequestAborted);
        AdapterRecord? adapter = bound is null ? null : directory.Visible(caller).FirstOrDefault(a => a.Name == bound.Name && a.Tenant == bound.Tenant);
        await JsonText.WriteAsync(http, 200, json => Write(json, id, adapter, caller));
    }

    public async Task DeleteAsync(HttpContext http, Caller caller)
    {
        string id = RouteNames.Of(http, "id");
        if (directory.IsBase(id) && caller.May(id))
        {
            throw ApiException.Forbidden("insufficient_permissions", "the base cannot be deleted");
        }
        await adapters.RemoveAsync(http, caller, id, null);
        await JsonText.WriteAsync(http, 200, json =>
        {
            json.WriteStartObject();
            json.WriteString("id", id);
            json.WriteString("object", "model");
            json.WriteBoolean("deleted", true);
            json.WriteEndObject();
        });
    }

    public async Task LoraAdaptersAsync(HttpContext http, Caller caller)
    {
        AdapterRecord[] list = [.. directory.Visible(caller).OrderBy(a => a.Created).ThenBy(a => a.Id, StringComparer.Ordinal)];
        await JsonText.WriteAsync(http, 200, json =>
        {
            json.WriteStartArray();
            for (int i = 0; i < list.Length; i++)
            {
                json.WriteStartObject();
                json.WriteNumber("id", i);
                json.WriteString("path", list[i].Name);
                json.WriteNumber("scale", list[i].Active.Scale);
                json.WriteEndObject();
            }
            json.WriteEndArray();
        });
    }

    private void Write(Utf8JsonWriter json, string id, AdapterRecord? adapter, Caller caller)
    {
        json.WriteStartObject();
        json.WriteString("id", id);
        json.WriteString("object", "model");
        json.WriteNumber("created", adapter?.Created ?? started);
        json.WriteString("owned_by", adapter is null ? "lorikeet" : adapter.Tenant);
        json.WriteString("root", adapter is null ? directory.BaseName : caller.Has("admin") ? adapter.Active.Folder : adapter.Name);
        json.WriteString("parent", adapter is null ? null : directory.BaseName);
        if (adapter is null)
        {
            json.WriteNumber("max_model_len", services.Context);
        }
        else
        {
            json.WriteNull("max_model_len");
        }
        json.WriteStartArray("permission");
        json.WriteEndArray();
        json.WriteEndObject();
    }
}
