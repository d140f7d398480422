using System.Text.Json;

namespace Lorikeet.Server;

/// <summary>The base, an adapter, or all mixtures, as the dashboard lists them: what it is, where it is, and what is asked of it.</summary>
/// <param name="Id">The name that requests use; the base's own for the base.</param>
/// <param name="Kind">base, adapter, mixtures, others.</param>
/// <param name="Record">The registry's entry; null: there is none, or it is gone.</param>
/// <param name="State">stored, loading, resident; gone: deleted.</param>
/// <param name="Usable">Whether the caller may name it in a request.</param>
/// <param name="Traffic">The counts that the caller may see, one for each tenant that asks.</param>
internal sealed record StateRow(string Id, string Kind, AdapterRecord? Record, string State, bool Usable, IReadOnlyList<TrafficCounts> Traffic)
{
    public long LastUse => Traffic.Count == 0 ? long.MinValue : Traffic.Max(t => t.LastUse);

    public void Write(Utf8JsonWriter json)
    {
        json.WriteStartObject();
        json.WriteString("id", Id);
        json.WriteString("kind", Kind);
        json.WriteString("state", State);
        json.WriteBoolean("usable", Usable);
        if (Record is { } record)
        {
            json.WriteString("tenant", record.Tenant);
            json.WriteString("method", record.Active.Kind);
            json.WriteNumber("rank", record.Active.Rank);
            json.WriteNumber("bytes", record.Active.Bytes);
            json.WriteNumber("version", record.Active.Version);
            json.WriteBoolean("pinned", record.Pinned);
        }
        json.WriteNumber("requests", Traffic.Sum(t => t.Requests));
        json.WriteNumber("waiting", Traffic.Sum(t => t.Waiting));
        json.WriteNumber("running", Traffic.Sum(t => t.Running));
        json.WriteNumber("prompt", Traffic.Sum(t => t.Prompt));
        json.WriteNumber("generated", Traffic.Sum(t => t.Generated));
        WritePercentiles(json, "first", t => t.FirstToken);
        WritePercentiles(json, "token", t => t.PerToken);
        json.WriteEndObject();
    }

    private void WritePercentiles(Utf8JsonWriter json, string name, Func<TrafficCounts, RecentValues> of)
    {
        List<float> values = [];
        foreach (TrafficCounts counts in Traffic)
        {
            of(counts).CopyTo(values);
        }
        values.Sort();
        if (values.Count == 0)
        {
            json.WriteNull(name);
            return;
        }
        json.WriteStartObject(name);
        json.WriteNumber("p50", RecentValues.Percentile(values, 0.5)!.Value);
        json.WriteNumber("p95", RecentValues.Percentile(values, 0.95)!.Value);
        json.WriteEndObject();
    }
}
