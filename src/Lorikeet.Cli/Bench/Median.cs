using System.Diagnostics;

namespace Lorikeet.Cli.Bench;

/// <summary>Times a piece of work several times and gives the middle: these machines are shared and noisy.</summary>
internal static class Median
{
    /// <summary>Long enough that the JIT's last tier has replaced what the first calls ran.</summary>
    public const double WarmUpSeconds = 0.4;

    /// <summary>Seconds of one call, the median of several after calls that warm up: one, or as many as fit 0.4 seconds.</summary>
    /// <param name="work">The work.</param>
    /// <param name="runs">How often it is timed.</param>
    /// <param name="stop">Stops between calls.</param>
    public static double Seconds(Action work, int runs, CancellationToken stop)
    {
        long warm = Stopwatch.GetTimestamp();
        do
        {
            stop.ThrowIfCancellationRequested();
            work();
        }
        while (Stopwatch.GetElapsedTime(warm).TotalSeconds < WarmUpSeconds);
        double[] seconds = new double[runs];
        for (int i = 0; i < runs; i++)
        {
            stop.ThrowIfCancellationRequested();
            long start = Stopwatch.GetTimestamp();
            work();
            seconds[i] = Stopwatch.GetElapsedTime(start).TotalSeconds;
        }
        Array.Sort(seconds);
        return seconds[runs / 2];
    }
}
