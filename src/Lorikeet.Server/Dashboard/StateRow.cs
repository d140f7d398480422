using System.Text.Json;

namespace Lorikeet.Server;

/// <summary>The base, an adapter, or all mixtures, as the dashboard lists them: what it is and what is asked of it.</summary>
/// <param name="Id">The name that requests use; the base's own for the base.</param>
/// <param name="Kind">base, adapter, mixtures, others.</param>
/// <param name="Owner">The adapter's tenant; empty where it is none.</param>
/// <param name="Record">The registry's entry; null: there is none, or it is gone.</param>
/// <param name="Traffic">The counts that the caller may see, one for each tenant that asks.</param>
/// <param name="Second">The second in progress.</param>
internal sealed record StateRow(string Id, string Kind, string Owner, AdapterRecord? Record, IReadOnlyList<TrafficCounts> Traffic, long Second)
{
    private const int RateSeconds = 5, BusySeconds = 60;

    /// <summary>When it was asked last, in the clock's ticks.</summary>
    public long LastUse => Traffic.Count == 0 ? long.MinValue : Traffic.Max(t => t.LastUse);

    /// <summary>Generated tokens of the last minute.</summary>
    public long LastMinute => Traffic.Sum(t => t.Recent.Before(Second, BusySeconds));

    /// <summary>Generated tokens a second, of the last five.</summary>
    public double Rate => Traffic.Sum(t => t.Recent.Before(Second, RateSeconds)) / (double)RateSeconds;

    public long Requests => Traffic.Sum(t => t.Requests);

    public long Waiting => Traffic.Sum(t => t.Waiting);

    public long Running => Traffic.Sum(t => t.Running);

    public long Generated => Traffic.Sum(t => t.Generated);

    /// <summary>Seconds to the first token; null before there was one.</summary>
    public (double P50, double P95)? First => Spread(t => t.FirstToken);

    /// <summary>Mean seconds between two tokens of an answer.</summary>
    public (double P50, double P95)? Token => Spread(t => t.PerToken);

    /// <summary>Whether a text is part of its name, method or tenant.</summary>
    public bool Holds(string text) =>
        text.Length == 0 || Id.Contains(text, StringComparison.OrdinalIgnoreCase)
        || (Record is { } record && (record.Active.Kind.Contains(text, StringComparison.OrdinalIgnoreCase) || record.Tenant.Contains(text, StringComparison.OrdinalIgnoreCase)));

    /// <summary>Writes the line.</summary>
    /// <param name="json">Where.</param>
    /// <param name="state">stored, loading, resident; gone: deleted; empty: none of these.</param>
    /// <param name="usable">Whether the caller may name it in a request.</param>
    public void Write(Utf8JsonWriter json, string state, bool usable)
    {
        json.WriteStartObject();
        json.WriteString("id", Id);
        json.WriteString("kind", Kind);
        json.WriteString("state", state);
        json.WriteBoolean("usable", usable);
        if (Record is { } record)
        {
            json.WriteString("tenant", record.Tenant);
            json.WriteString("method", record.Active.Kind);
            json.WriteNumber("rank", record.Active.Rank);
            json.WriteNumber("bytes", record.Active.Bytes);
            json.WriteNumber("version", record.Active.Version);
            json.WriteBoolean("pinned", record.Pinned);
        }
        json.WriteNumber("requests", Requests);
        json.WriteNumber("waiting", Waiting);
        json.WriteNumber("running", Running);
        json.WriteNumber("prompt", Traffic.Sum(t => t.Prompt));
        json.WriteNumber("generated", Generated);
        json.WriteNumber("rate", Rate);
        WriteSpread(json, "first", First);
        WriteSpread(json, "token", Token);
        json.WriteEndObject();
    }

    private (double P50, double P95)? Spread(Func<TrafficCounts, RecentValues> of)
    {
        List<float> values = [];
        foreach (TrafficCounts counts in Traffic)
        {
            of(counts).CopyTo(values);
        }
        values.Sort();
        return RecentValues.Percentile(values, 0.5) is { } p50 ? (p50, RecentValues.Percentile(values, 0.95)!.Value) : null;
    }

    private static void WriteSpread(Utf8JsonWriter json, string name, (double P50, double P95)? spread)
    {
        if (spread is not var (p50, p95))
        {
            json.WriteNull(name);
            return;
        }
        json.WriteStartObject(name);
        json.WriteNumber("p50", p50);
        json.WriteNumber("p95", p95);
        json.WriteEndObject();
    }
}
