using System.Text.Json;
using Lorikeet.Serving;
using Microsoft.AspNetCore.Http;

namespace Lorikeet.Server;

/// <summary><c>GET /lorikeet/v1/state</c>: what the dashboard shows. Keys with the scope admin or metrics see the engine and all traffic, others their tenant's.</summary>
internal sealed class StateEndpoint(ServerMetrics metrics, IInference inference, AdapterDirectory directory, Registry registry, ServerOptions options, TimeProvider clock, bool chat, string version)
{
    private readonly long started = clock.GetTimestamp();
    private readonly long weights = inference.Model.WeightBytes;
    private readonly int context = options.Engine.Longest(inference.Model);

    public Task AnswerAsync(HttpContext http, Caller caller)
    {
        http.Response.Headers.CacheControl = "no-store";
        StateQuery query = StateQuery.Read(http.Request.Query);
        bool whole = caller.Has("admin") || caller.Has("metrics");
        ILookup<(string Owner, string Name), TrafficCounts> traffic = metrics.Traffic.All
            .Where(t => whole || (t.Key.Caller == caller.Tenant && caller.May(t.Key.Owner.Length == 0 ? directory.BaseName : t.Key.Name)))
            .ToLookup(t => (t.Key.Owner, t.Key.Name), t => t.Value);
        List<StateRow> rows = Rows(caller, whole, traffic, query.Find);
        // A page that is gone meanwhile: the last that is there.
        int from = query.From < rows.Count ? query.From : query.Rows > 0 ? Math.Max(0, rows.Count - 1) / query.Rows * query.Rows : 0;
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
            foreach (StateRow row in StateOrder.Sort(rows, query.Order, query.Down).Skip(from).Take(query.Rows))
            {
                Write(json, row, caller);
            }
            json.WriteEndArray();
            json.WriteNumber("from", from);
            json.WriteNumber("matching", rows.Count);
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
        json.WriteNumber("registered", registry.Snapshot.Count);
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

    // All that the caller may see, by name. Where each is, and whether it can be used, is asked only of the lines that are sent.
    private List<StateRow> Rows(Caller caller, bool whole, ILookup<(string Owner, string Name), TrafficCounts> traffic, string find)
    {
        long second = clock.GetTimestamp() / clock.TimestampFrequency;
        List<StateRow> rows = [];
        if (whole || caller.May(directory.BaseName))
        {
            Add(new StateRow(directory.BaseName, "base", "", null, traffic[("", "")].ToArray(), second));
        }
        IEnumerable<AdapterRecord> known = caller.Has("admin") ? registry.Snapshot.Adapters : directory.Visible(caller);
        HashSet<(string, string)> listed = [];
        foreach (AdapterRecord record in known)
        {
            listed.Add((record.Tenant, record.Name));
            Add(new StateRow(record.Name, "adapter", record.Tenant, record, traffic[(record.Tenant, record.Name)].ToArray(), second));
        }
        foreach (IGrouping<(string Owner, string Name), TrafficCounts> group in traffic.Where(g => g.Key != ("", "") && !listed.Contains(g.Key)))
        {
            (string owner, string name) = group.Key;
            string kind = owner.Length > 0 ? "adapter" : name == "+" ? "mixtures" : "others";
            Add(new StateRow(owner.Length > 0 ? name : kind, kind, owner, owner.Length > 0 ? registry.Snapshot.Find(owner, name) : null, group.ToArray(), second));
        }
        rows.Sort((a, b) => string.CompareOrdinal(a.Id, b.Id));
        return rows;

        void Add(StateRow row)
        {
            if (row.Holds(find))
            {
                rows.Add(row);
            }
        }
    }

    private void Write(Utf8JsonWriter json, StateRow row, Caller caller)
    {
        RegistrySnapshot snapshot = registry.Snapshot;
        bool may = caller.Has("infer") && caller.May(row.Id);
        string state = row.Kind == "base" ? "resident" : row.Kind != "adapter" ? "" : row.Record is { } record ? inference.State(row.Owner, record.Active) : "gone";
        // A name means the caller's own adapter, else the shared one.
        bool meant = row.Kind == "base" || (row.Record is not null && ReferenceEquals(snapshot.Find(caller.Tenant, row.Id) ?? snapshot.Find(Caller.SharedTenant, row.Id), row.Record));
        row.Write(json, state, may && meant);
    }
}
