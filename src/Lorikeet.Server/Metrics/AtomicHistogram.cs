using System.Globalization;
using System.Text;

namespace Lorikeet.Server;

/// <summary>Counts values by upper bounds; any thread adds, any thread reads, nobody waits.</summary>
internal sealed class AtomicHistogram(params double[] bounds)
{
    private readonly long[] counts = new long[bounds.Length + 1];
    private double sum;

    /// <summary>1, 2, 5, 10, 20, 50 and so on to a number.</summary>
    public static double[] Steps(double most)
    {
        List<double> steps = [];
        for (double power = 1; power <= most; power *= 10)
        {
            steps.AddRange(new[] { power, 2 * power, 5 * power }.Where(s => s <= most));
        }
        return [.. steps];
    }

    public void Add(double value)
    {
        int at = Array.BinarySearch(bounds, value);
        Interlocked.Increment(ref counts[at < 0 ? ~at : at]);
        AddToSum(value);
    }

    /// <summary>Adds all values of one with equal bounds.</summary>
    public void AddAll(AtomicHistogram other)
    {
        for (int i = 0; i < counts.Length; i++)
        {
            Interlocked.Add(ref counts[i], Interlocked.Read(ref other.counts[i]));
        }
        AddToSum(Volatile.Read(ref other.sum));
    }

    /// <summary>Writes the samples of Prometheus' text format.</summary>
    public void Write(StringBuilder to, string name, string labels)
    {
        long below = 0;
        for (int i = 0; i < counts.Length; i++)
        {
            below += Interlocked.Read(ref counts[i]);
            string bound = i < bounds.Length ? MetricText.Number(bounds[i]) : "+Inf";
            to.Append(CultureInfo.InvariantCulture, $"{name}_bucket{{{labels}{(labels.Length > 0 ? "," : "")}le=\"{bound}\"}} {below}\n");
        }
        string braces = labels.Length > 0 ? "{" + labels + "}" : "";
        to.Append(CultureInfo.InvariantCulture, $"{name}_sum{braces} {MetricText.Number(Volatile.Read(ref sum))}\n{name}_count{braces} {below}\n");
    }

    private void AddToSum(double value)
    {
        double seen = Volatile.Read(ref sum), found;
        while ((found = Interlocked.CompareExchange(ref sum, seen + value, seen)) != seen)
        {
            seen = found;
        }
    }
}
