namespace Lorikeet.Training;

/// <summary>How well numbers agree, as scipy and scikit-learn compute it. A constant list correlates with nothing: NaN.</summary>
public static class Correlation
{
    /// <summary>Pearson's r, -1 to 1.</summary>
    /// <param name="x">Numbers.</param>
    /// <param name="y">As many.</param>
    public static double Pearson(IReadOnlyList<double> x, IReadOnlyList<double> y)
    {
        Check(x, y);
        double meanX = x.Average(), meanY = y.Average();
        double squareX = x.Sum(v => (v - meanX) * (v - meanX)), squareY = y.Sum(v => (v - meanY) * (v - meanY));
        double product = x.Zip(y).Sum(p => (p.First - meanX) * (p.Second - meanY));
        return IsConstant(x) || IsConstant(y) ? double.NaN : Math.Clamp(product / (Math.Sqrt(squareX) * Math.Sqrt(squareY)), -1, 1);
    }

    /// <summary>Spearman's rho: Pearson's r of the ranks, equal numbers sharing their mean rank.</summary>
    /// <param name="x">Numbers.</param>
    /// <param name="y">As many.</param>
    public static double Spearman(IReadOnlyList<double> x, IReadOnlyList<double> y)
    {
        Check(x, y);
        return Pearson(Ranks.Of(x), Ranks.Of(y));
    }

    /// <summary>Kendall's tau-b, <c>(C - D) / sqrt((n - ties in x) (n - ties in y))</c> over pairs, by sorting (Knight, JASA 1966).</summary>
    /// <param name="x">Numbers.</param>
    /// <param name="y">As many.</param>
    public static double Kendall(IReadOnlyList<double> x, IReadOnlyList<double> y)
    {
        Check(x, y);
        int[] order = [.. Enumerable.Range(0, x.Count).OrderBy(i => x[i]).ThenBy(i => y[i])];
        double pairs = Pairs(x.Count), tiedX = Tied(order, i => x[i]), tiedBoth = Tied(order, i => (x[i], y[i]));
        double[] sorted = [.. order.Select(i => y[i])];
        double swaps = Swaps(sorted, new double[sorted.Length], 0, sorted.Length);
        double tiedY = Tied([.. Enumerable.Range(0, sorted.Length)], i => sorted[i]);
        double difference = pairs - tiedX - tiedY + tiedBoth - (2 * swaps);
        return difference / Math.Sqrt(pairs - tiedX) / Math.Sqrt(pairs - tiedY);
    }

    /// <summary>Mean squared error.</summary>
    /// <param name="x">Numbers.</param>
    /// <param name="y">As many.</param>
    public static double MeanSquaredError(IReadOnlyList<double> x, IReadOnlyList<double> y)
    {
        Check(x, y);
        return x.Zip(y).Average(p => (p.First - p.Second) * (p.First - p.Second));
    }

    /// <summary>Mean absolute error.</summary>
    /// <param name="x">Numbers.</param>
    /// <param name="y">As many.</param>
    public static double MeanAbsoluteError(IReadOnlyList<double> x, IReadOnlyList<double> y)
    {
        Check(x, y);
        return x.Zip(y).Average(p => Math.Abs(p.First - p.Second));
    }

    /// <summary>The coefficient of determination of predictions, <c>1 - sum (t - p)^2 / sum (t - mean t)^2</c>; for a constant truth 1 if all is right, else 0.</summary>
    /// <param name="truth">The right numbers.</param>
    /// <param name="predicted">The predicted ones.</param>
    public static double R2(IReadOnlyList<double> truth, IReadOnlyList<double> predicted)
    {
        Check(truth, predicted);
        double mean = truth.Average(), spread = truth.Sum(t => (t - mean) * (t - mean));
        double error = truth.Zip(predicted).Sum(p => (p.First - p.Second) * (p.First - p.Second));
        return IsConstant(truth) ? (error == 0 ? 1 : 0) : 1 - (error / spread);
    }

    internal static MetricResult Score(MetricInput input, MetricSettings set)
    {
        double[] predicted = Ranks.Parse(input.Candidates, "candidate"), truth = Ranks.Parse(input.References.Select(r => r[0]), "reference");
        double pearson = Pearson(truth, predicted);
        return MetricResult.Of(
            pearson,
            ("pearson", pearson),
            ("spearman", Spearman(truth, predicted)),
            ("kendall", Kendall(truth, predicted)),
            ("mse", MeanSquaredError(truth, predicted)),
            ("mae", MeanAbsoluteError(truth, predicted)),
            ("r2", R2(truth, predicted)));
    }

    private static void Check(IReadOnlyList<double> x, IReadOnlyList<double> y)
    {
        ArgumentNullException.ThrowIfNull(x);
        ArgumentNullException.ThrowIfNull(y);
        if (x.Count != y.Count || x.Count == 0)
        {
            throw new ArgumentException($"there are {x.Count} and {y.Count} numbers; expected as many of both, and at least one");
        }
    }

    private static bool IsConstant(IReadOnlyList<double> values) => values.All(v => v == values[0]);

    private static double Pairs(double count) => count * (count - 1) / 2;

    // Pairs of equal neighbours in a sorted order.
    private static double Tied<T>(int[] order, Func<int, T> key)
        where T : IEquatable<T>
    {
        double tied = 0;
        for (int i = 0; i < order.Length;)
        {
            int end = i;
            while (end < order.Length && key(order[end]).Equals(key(order[i])))
            {
                end++;
            }
            tied += Pairs(end - i);
            i = end;
        }
        return tied;
    }

    // Sorts a part by merging and counts how many neighbours would be swapped.
    private static double Swaps(double[] values, double[] scratch, int start, int end)
    {
        if (end - start < 2)
        {
            return 0;
        }
        int middle = (start + end) / 2, left = start, right = middle;
        double swaps = Swaps(values, scratch, start, middle) + Swaps(values, scratch, middle, end);
        for (int i = start; i < end; i++)
        {
            bool takeRight = left == middle || (right < end && values[right] < values[left]);
            swaps += takeRight ? middle - left : 0;
            scratch[i] = takeRight ? values[right++] : values[left++];
        }
        Array.Copy(scratch, start, values, start, end - start);
        return swaps;
    }
}
