using System.Text.Json;
using Lorikeet.Serving;
using Microsoft.AspNetCore.Http;

namespace Lorikeet.Server;

/// <summary><c>GET /lorikeet/v1/state</c>: what the dashboard shows. Keys with the scope admin or metrics see the engine and all traffic, others their tenant's.</summary>
internal sealed class StateEndpoint(ServerMetrics metrics, IInference inference, AdapterDirectory directory, Registry registry, ServerOptions options, TimeProvider clock, bool chat, string version)
{
    private const int MostRows = 200;
    private readonly long started = clock.GetTimestamp();
    private readonly long weights = inference.Model.WeightBytes;
    private readonly int context = PromptFit.Context(inference.Model);

    public Task AnswerAsync(HttpContext http, Caller caller)
    {
        http.Response.Headers.CacheControl = "no-store";
        bool whole = caller.Has("admin") || caller.Has("metrics");
        ILookup<(string Owner, string Name), TrafficCounts> traffic = metrics.Traffic.All
            .Where(t => whole || (t.Key.Caller == caller.Tenant && caller.May(t.Key.Owner.Length == 0 ? directory.BaseName : t.Key.Name)))
            .ToLookup(t => (t.Key.Owner, t.Key.Name), t => t.Value);
        List<StateRow> rows = Rows(caller, whole, traffic, out int more);
        return JsonText.WriteAsync(http, 200, json =>
        {
            json.WriteStartObject();
            json.WriteString("object", "state");
            json.WriteString("version", version);
            json.WriteString("base", directory.BaseName);
            json.WriteNumber("context", context);
            json.WriteBoolean("chat", chat);
            json.WriteString("tenant", caller.Tenant);
            json.WriteBoolean("keyed", caller.Keyed);
            json.WriteBoolean("whole", whole);
            json.WriteNumber("time", clock.GetElapsedTime(started).TotalSeconds);
            WriteTotals(json, whole, traffic);
            if (whole)
            {
                WriteEngine(json, inference.Statistics);
            }
            json.WriteStartArray("adapters");
            foreach (StateRow row in rows)
            {
                row.Write(json);
            }
            json.WriteEndArray();
            json.WriteNumber("more", more);
            json.WriteEndObject();
        });
    }

    private void WriteTotals(Utf8JsonWriter json, bool whole, ILookup<(string Owner, string Name), TrafficCounts> traffic)
    {
        EngineStatistics engine = inference.Statistics;
        TrafficCounts[] all = [.. traffic.SelectMany(t => t)];
        json.WriteNumber("generated", all.Sum(t => t.Generated));
        json.WriteNumber("prompt", all.Sum(t => t.Prompt));
        json.WriteNumber("requests", all.Sum(t => t.Requests));
        // The engine counts answers, of which a request may want several; a tenant's own are requests, and wait until their first token.
        json.WriteNumber("running", whole ? engine.Running : all.Sum(t => t.Running));
        json.WriteNumber("waiting", whole ? engine.Waiting : all.Sum(t => t.Waiting));
    }

    private void WriteEngine(Utf8JsonWriter json, EngineStatistics engine)
    {
        json.WriteStartObject("engine");
        json.WriteNumber("steps", engine.Steps);
        json.WriteNumber("rows", engine.Rows);
        json.WriteNumber("loading", engine.LoadingAdapters.Count);
        json.WriteNumber("resident", engine.ResidentAdapters.Count);
        json.WriteNumber("registered", registry.Snapshot.Adapters.Count);
        json.WriteNumber("prefix_queries", engine.PrefixQueries);
        json.WriteNumber("prefix_hits", engine.PrefixHits);
        json.WriteNumber("most_sequences", options.Engine.MaxSequences);
        json.WriteEndObject();
        json.WriteStartObject("memory");
        json.WriteNumber("weights", weights);
        json.WriteNumber("keys", engine.PageBytes);
        json.WriteNumber("adapters", engine.AdapterBytes);
        json.WriteNumber("idle", engine.IdleBytes);
        json.WriteNumber("budget", engine.BudgetBytes);
        json.WriteEndObject();
    }

    // The base and what has traffic first, then others by name, so that a registry of thousands costs a page of them.
    private List<StateRow> Rows(Caller caller, bool whole, ILookup<(string Owner, string Name), TrafficCounts> traffic, out int more)
    {
        RegistrySnapshot snapshot = registry.Snapshot;
        bool infer = caller.Has("infer");
        List<StateRow> rows = [];
        if (whole || caller.May(directory.BaseName))
        {
            rows.Add(new StateRow(directory.BaseName, "base", null, "resident", infer && caller.May(directory.BaseName), [.. traffic[("", "")]]));
        }
        HashSet<(string, string)> listed = [];
        foreach (IGrouping<(string Owner, string Name), TrafficCounts> group in traffic.Where(g => g.Key != ("", "")))
        {
            (string owner, string name) = group.Key;
            bool one = owner.Length > 0;
            rows.Add(one ? Row(snapshot.Find(owner, name), owner, name, [.. group]) : new StateRow(name == "+" ? "mixtures" : "others", name == "+" ? "mixtures" : "others", null, "", false, [.. group]));
            listed.Add((owner, name));
        }
        rows.Sort((a, b) => a.Kind == "base" ? -1 : b.Kind == "base" ? 1 : b.LastUse.CompareTo(a.LastUse));
        IEnumerable<AdapterRecord> known = caller.Has("admin") ? snapshot.Adapters.OrderBy(a => a.Name, StringComparer.Ordinal) : directory.Visible(caller);
        AdapterRecord[] quiet = [.. known.Where(a => !listed.Contains((a.Tenant, a.Name)))];
        int room = Math.Max(0, MostRows - rows.Count);
        rows.AddRange(quiet.Take(room).Select(a => Row(a, a.Tenant, a.Name, [])));
        more = Math.Max(0, quiet.Length - room) + Math.Max(0, rows.Count - MostRows);
        if (rows.Count > MostRows)
        {
            rows.RemoveRange(MostRows, rows.Count - MostRows);
        }
        return rows;

        StateRow Row(AdapterRecord? record, string owner, string name, IReadOnlyList<TrafficCounts> counts)
        {
            // A name means the caller's own adapter, else the shared one.
            bool meant = record is not null && infer && caller.May(name) && ReferenceEquals(snapshot.Find(caller.Tenant, name) ?? snapshot.Find(Caller.SharedTenant, name), record);
            return new StateRow(name, "adapter", record, record is null ? "gone" : inference.State(owner, record.Active), meant, counts);
        }
    }
}
