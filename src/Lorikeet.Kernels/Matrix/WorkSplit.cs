namespace Lorikeet.Kernels;

/// <summary>Decides into how many chunks a job is cut, from an estimate of its time on one thread.</summary>
/// <remarks>The estimate need not be good: results never depend on it.</remarks>
internal static class WorkSplit
{
    // Waking a parked helper takes about this long: below it, sharing costs more than it gains.
    private const double Alone = 6e3;

    // A chunk long enough to hide its claim and the start of its reading, short enough that a slow virtual core costs little.
    private const double LongestChunk = 60e3;
    private const double ShortestChunk = 10e3;

    // Where memory is the limit: a thread that turns to another place reads slowly at first.
    private const double ShortestReading = 25e3;
    private const int ChunksOfThread = 6;

    /// <summary>Multiply-adds one thread does in a nanosecond (at about 3 GHz).</summary>
    public static double FusedPerNanosecond => KernelPath.UseAvx512 ? 80 : 40;

    /// <summary>Bytes one thread reads from memory in a nanosecond.</summary>
    public const double BytesPerNanosecond = 12;

    /// <summary>The number of chunks for some work, between 1 and <paramref name="most"/>.</summary>
    /// <param name="nanoseconds">An estimate of its time on one thread.</param>
    /// <param name="most">The most chunks there can be.</param>
    /// <param name="reading">The work is bound by reading memory straight through.</param>
    public static int Chunks(double nanoseconds, int most, bool reading = false)
    {
        int threads = Team.Shared.Threads;
        if (threads == 1 || nanoseconds < Alone)
        {
            return 1;
        }
        double chunk = Math.Clamp(nanoseconds / (threads * ChunksOfThread), reading ? ShortestReading : ShortestChunk, LongestChunk);
        // A multiple of the threads: five equal chunks would leave two threads with three and two.
        double wanted = Math.Max(1, Math.Round(nanoseconds / chunk / threads)) * threads;
        return (int)Math.Clamp(wanted, 1, Math.Max(1, most));
    }

    /// <summary>The nanoseconds one thread needs for so many multiply-adds over so many bytes of matrix.</summary>
    public static double Nanoseconds(double fused, double bytes) => Nanoseconds(fused, bytes, FusedPerNanosecond);

    /// <summary>The same with kernels that do as many multiply-adds in a nanosecond.</summary>
    public static double Nanoseconds(double fused, double bytes, double fusedPerNanosecond) =>
        Math.Max(fused / fusedPerNanosecond, bytes / BytesPerNanosecond);
}
