namespace Lorikeet.Serving;

/// <summary>Counts of values in buckets; one thread counts, any reads.</summary>
public sealed class Histogram
{
    private readonly long[] bounds;
    private readonly long[] counts;
    private long sum;

    internal Histogram(params long[] bounds)
    {
        this.bounds = bounds;
        counts = new long[bounds.Length + 1];
    }

    /// <summary>The largest value of each bucket; one more bucket holds what is larger than all.</summary>
    public IReadOnlyList<long> Bounds => bounds;

    /// <summary>Sum of all values.</summary>
    public long Sum => Volatile.Read(ref sum);

    /// <summary>How many values lie in a bucket.</summary>
    /// <param name="bucket">0 to the number of bounds.</param>
    public long Count(int bucket) => Volatile.Read(ref counts[bucket]);

    internal void Add(long value)
    {
        int bucket = 0;
        while (bucket < bounds.Length && value > bounds[bucket])
        {
            bucket++;
        }
        counts[bucket]++;
        sum += value;
    }
}
