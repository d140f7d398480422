using System.Collections.Concurrent;

namespace Lorikeet.Server;

/// <summary>What each tenant asks of each adapter at present; the dashboard reads it.</summary>
internal sealed class Traffic(TimeProvider clock)
{
    // One takes about 2 KB.
    private const int MostNames = 10_000;
    private static readonly TrafficName Others = new("_other", "", "_other");
    private readonly ConcurrentDictionary<TrafficName, TrafficCounts> counts = [];

    public IEnumerable<KeyValuePair<TrafficName, TrafficCounts>> All => counts;

    /// <summary>The counts of a caller's requests with an adapter. The first names have their own; those that come when there are many share one.</summary>
    public TrafficCounts Of(string caller, AdapterBinding adapter)
    {
        TrafficName name = adapter.IsBase ? TrafficName.OfBase(caller)
            : adapter.Entries is [var one] ? new TrafficName(caller, one.Tenant, one.Name)
            : TrafficName.OfMixtures(caller);
        return counts.TryGetValue(name, out TrafficCounts? known) ? known
            : counts.GetOrAdd(counts.Count < MostNames ? name : Others, _ => new TrafficCounts(clock));
    }
}

/// <summary>Who asks for what.</summary>
/// <param name="Caller">The tenant that asks.</param>
/// <param name="Owner">The adapter's tenant; empty: the base, or mixtures.</param>
/// <param name="Name">The adapter's own name.</param>
internal readonly record struct TrafficName(string Caller, string Owner, string Name)
{
    private const string Base = "", Mixtures = "+";

    public bool IsBase => Owner.Length == 0 && Name == Base;

    public bool IsMixtures => Owner.Length == 0 && Name == Mixtures;

    public static TrafficName OfBase(string caller) => new(caller, "", Base);

    public static TrafficName OfMixtures(string caller) => new(caller, "", Mixtures);
}
