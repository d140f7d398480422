using System.Collections.Concurrent;

namespace Lorikeet.Server;

/// <summary>
/// The adapters that have series of their own: the busiest of late, all others share <c>_other</c>. A name takes the place of the least busy one when it is asked for clearly
/// more often, whose counts then move to the others: every series only grows, and there are never more than a fixed number.
/// </summary>
/// <remarks>After the Space-Saving sketch (Metwally, Agrawal and El Abbadi 2005), with counts that halve as time goes on and a margin, so that equals do not take turns.</remarks>
internal sealed class BusiestAdapters(int most)
{
    /// <summary>The name of all that have no series of their own.</summary>
    public const string Others = "_other";

    private const int CandidatesPerPlace = 16, RequestsPerHalving = 4096, Margin = 8;

    private readonly ConcurrentDictionary<(string Tenant, string Adapter), Place> places = [];
    private readonly Dictionary<(string Tenant, string Adapter), long> candidates = [];
    private readonly AdapterCounts others = new();
    private readonly Lock gate = new();
    private long requests;
    private bool crowded;

    /// <summary>All series.</summary>
    public IEnumerable<KeyValuePair<(string Tenant, string Adapter), AdapterCounts>> All
    {
        get
        {
            foreach ((var name, Place place) in places)
            {
                yield return new(name, place.Counts);
            }
            if (Volatile.Read(ref crowded))
            {
                yield return new((Others, Others), others);
            }
        }
    }

    /// <summary>The counts of a request with an adapter.</summary>
    public AdapterCounts Of(string tenant, string adapter)
    {
        (string, string) name = (tenant, adapter);
        if (Interlocked.Increment(ref requests) % RequestsPerHalving == 0)
        {
            Halve();
        }
        if (places.TryGetValue(name, out Place? known))
        {
            Interlocked.Increment(ref known.Recent);
            return known.Counts;
        }
        lock (gate)
        {
            return Enter(name);
        }
    }

    private AdapterCounts Enter((string Tenant, string Adapter) name)
    {
        if (places.TryGetValue(name, out Place? known))
        {
            return known.Counts;
        }
        if (places.Count < most)
        {
            return (places[name] = new Place { Recent = 1 }).Counts;
        }
        Volatile.Write(ref crowded, true);
        long asked = candidates.GetValueOrDefault(name) + 1;
        KeyValuePair<(string, string), Place> least = places.MinBy(p => Volatile.Read(ref p.Value.Recent));
        if (asked > (2 * Volatile.Read(ref least.Value.Recent)) + Margin)
        {
            candidates.Remove(name);
            places.TryRemove(least);
            least.Value.Counts.MoveTo(others);
            return (places[name] = new Place { Recent = asked }).Counts;
        }
        if (candidates.Count >= CandidatesPerPlace * most && !candidates.ContainsKey(name))
        {
            // Those that were asked for once or never since the last halving make room.
            Forget(_ => 1);
        }
        candidates[name] = asked;
        return others;
    }

    private void Halve()
    {
        lock (gate)
        {
            foreach (Place place in places.Values)
            {
                Interlocked.Add(ref place.Recent, -(Volatile.Read(ref place.Recent) / 2));
            }
            Forget(count => count - (count / 2));
        }
    }

    private void Forget(Func<long, long> less)
    {
        foreach ((var name, long count) in candidates.ToArray())
        {
            long left = count - less(count);
            if (left <= 0)
            {
                candidates.Remove(name);
            }
            else
            {
                candidates[name] = left;
            }
        }
    }

    private sealed class Place
    {
#pragma warning disable CA1051, SA1401 // Counted by reference.
        public long Recent;
#pragma warning restore CA1051, SA1401

        public AdapterCounts Counts { get; } = new();
    }
}
