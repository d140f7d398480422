using System.Globalization;

namespace Lorikeet.Training;

/// <summary>Ranks of numbers, and numbers of lines.</summary>
internal static class Ranks
{
    /// <summary>Ranks from 1; equal numbers share the mean of theirs.</summary>
    public static double[] Of(IReadOnlyList<double> values)
    {
        int[] order = [.. Enumerable.Range(0, values.Count).OrderBy(i => values[i])];
        double[] ranks = new double[order.Length];
        for (int i = 0; i < order.Length;)
        {
            int end = i;
            while (end < order.Length && values[order[end]] == values[order[i]])
            {
                end++;
            }
            for (int k = i; k < end; k++)
            {
                ranks[order[k]] = (i + end + 1) / 2.0;
            }
            i = end;
        }
        return ranks;
    }

    public static double[] Parse(IEnumerable<string> lines, string what) => [.. lines.Select((line, i) =>
        double.TryParse(line, NumberStyles.Float, CultureInfo.InvariantCulture, out double number) && double.IsFinite(number)
            ? number
            : throw new ArgumentException($"{what} {i + 1} is '{(line.Length > 40 ? line[..40] + "..." : line)}'; expected a number"))];
}
