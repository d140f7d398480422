namespace Lorikeet.Server;

/// <summary>Counts by the second, for the last minute; any thread adds, any thread reads, nobody waits.</summary>
internal sealed class RecentCount
{
    // More than a minute, so that the second in progress never writes over one that is asked for.
    private const int Seconds = 64;

    // Which second in the upper half, how many in the lower.
    private readonly long[] buckets = new long[Seconds];

    /// <summary>Counts one.</summary>
    public void Add(long second)
    {
        ref long bucket = ref buckets[second % Seconds];
        long known = Volatile.Read(ref bucket);
        while (true)
        {
            long found = Interlocked.CompareExchange(ref bucket, known >> 32 == second ? known + 1 : (second << 32) | 1, known);
            if (found == known)
            {
                return;
            }
            known = found;
        }
    }

    /// <summary>How many there were in the whole seconds before this one.</summary>
    /// <param name="now">The second in progress.</param>
    /// <param name="seconds">How many before it: 1 to 60.</param>
    public long Before(long now, int seconds)
    {
        long sum = 0;
        for (long second = Math.Max(0, now - seconds); second < now; second++)
        {
            long bucket = Volatile.Read(ref buckets[second % Seconds]);
            sum += bucket >> 32 == second ? (uint)bucket : 0;
        }
        return sum;
    }
}
