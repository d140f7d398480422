namespace Lorikeet.Server;

/// <summary>The last values of something, for percentiles; any thread adds, any thread reads, nobody waits.</summary>
internal sealed class RecentValues(int most)
{
    private readonly float[] ring = new float[most];
    private long count;

    public void Add(double value)
    {
        long at = Interlocked.Increment(ref count) - 1;
        Volatile.Write(ref ring[at % most], (float)value);
    }

    /// <summary>Adds the values to a list, in no order.</summary>
    public void CopyTo(List<float> values)
    {
        int filled = (int)Math.Min(Interlocked.Read(ref count), most);
        for (int i = 0; i < filled; i++)
        {
            values.Add(Volatile.Read(ref ring[i]));
        }
    }

    /// <summary>The value that a share of sorted values does not exceed (nearest rank); null where there are none.</summary>
    public static double? Percentile(List<float> sorted, double share) =>
        sorted.Count == 0 ? null : sorted[Math.Clamp((int)Math.Ceiling(share * sorted.Count) - 1, 0, sorted.Count - 1)];
}
