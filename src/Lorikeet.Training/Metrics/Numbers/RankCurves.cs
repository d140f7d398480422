namespace Lorikeet.Training;

/// <summary>Areas under curves of scores, as scikit-learn computes them; NaN where only one class occurs.</summary>
public static class RankCurves
{
    /// <summary>The area under the ROC curve: how likely a positive scores above a negative, ties counting half.</summary>
    /// <param name="positive">Which are positive.</param>
    /// <param name="scores">Their scores.</param>
    public static double RocAuc(IReadOnlyList<bool> positive, IReadOnlyList<double> scores)
    {
        Check(positive, scores);
        double[] ranks = Ranks.Of(scores);
        double count = positive.Count(p => p), others = positive.Count - count;
        double sum = ranks.Where((_, i) => positive[i]).Sum();
        return count == 0 || others == 0 ? double.NaN : (sum - (count * (count + 1) / 2)) / (count * others);
    }

    /// <summary>Average precision: the sum over thresholds of precision times the recall gained.</summary>
    /// <param name="positive">Which are positive.</param>
    /// <param name="scores">Their scores.</param>
    public static double AveragePrecision(IReadOnlyList<bool> positive, IReadOnlyList<double> scores)
    {
        Check(positive, scores);
        int[] order = [.. Enumerable.Range(0, scores.Count).OrderByDescending(i => scores[i])];
        double count = positive.Count(p => p), found = 0, area = 0;
        for (int i = 0; i < order.Length;)
        {
            int end = i;
            double before = found;
            while (end < order.Length && scores[order[end]] == scores[order[i]])
            {
                found += positive[order[end]] ? 1 : 0;
                end++;
            }
            area += (found - before) / count * (found / end);
            i = end;
        }
        return count == 0 ? double.NaN : area;
    }

    /// <summary>The mean area of one class against the rest.</summary>
    /// <param name="truth">The right classes, as numbers from 0.</param>
    /// <param name="probabilities">Each example's probability of each class.</param>
    /// <param name="weighted">Whether a class counts as often as it occurs.</param>
    public static double OneVersusRest(IReadOnlyList<int> truth, IReadOnlyList<IReadOnlyList<double>> probabilities, bool weighted = false)
    {
        ArgumentNullException.ThrowIfNull(truth);
        ArgumentNullException.ThrowIfNull(probabilities);
        int classes = probabilities[0].Count;
        double sum = 0, weights = 0;
        for (int c = 0; c < classes; c++)
        {
            double weight = weighted ? truth.Count(t => t == c) : 1;
            sum += weight * RocAuc([.. truth.Select(t => t == c)], [.. probabilities.Select(p => p[c])]);
            weights += weight;
        }
        return sum / weights;
    }

    /// <summary>The mean area of each pair of classes, both ways (Hand and Till, 2001).</summary>
    /// <param name="truth">The right classes, as numbers from 0.</param>
    /// <param name="probabilities">Each example's probability of each class.</param>
    public static double OneVersusOne(IReadOnlyList<int> truth, IReadOnlyList<IReadOnlyList<double>> probabilities)
    {
        ArgumentNullException.ThrowIfNull(truth);
        ArgumentNullException.ThrowIfNull(probabilities);
        int classes = probabilities[0].Count;
        List<double> areas = [];
        for (int a = 0; a < classes; a++)
        {
            for (int b = a + 1; b < classes; b++)
            {
                int[] both = [.. Enumerable.Range(0, truth.Count).Where(i => truth[i] == a || truth[i] == b)];
                double first = RocAuc([.. both.Select(i => truth[i] == a)], [.. both.Select(i => probabilities[i][a])]);
                double second = RocAuc([.. both.Select(i => truth[i] == b)], [.. both.Select(i => probabilities[i][b])]);
                areas.Add((first + second) / 2);
            }
        }
        return areas.Average();
    }

    /// <summary>Mean negative logarithm of the right class's probability, in nats.</summary>
    /// <param name="truth">The right classes, as numbers from 0.</param>
    /// <param name="probabilities">Each example's probability of each class.</param>
    public static double LogLoss(IReadOnlyList<int> truth, IReadOnlyList<IReadOnlyList<double>> probabilities)
    {
        ArgumentNullException.ThrowIfNull(truth);
        ArgumentNullException.ThrowIfNull(probabilities);
        const double Least = 2.220446049250313e-16;
        return truth.Select((t, i) => -Math.Log(Math.Clamp(probabilities[i][t], Least, 1 - Least))).Average();
    }

    internal static MetricResult Score(MetricInput input, MetricSettings set)
    {
        double[] scores = Ranks.Parse(input.Candidates, "candidate");
        bool[] positive = [.. input.References.Select((r, i) => r[0].Trim() is "1" or "true" ? true
            : r[0].Trim() is "0" or "false" ? false
            : throw new ArgumentException($"reference {i + 1} is '{(r[0].Length > 40 ? r[0][..40] + "..." : r[0])}'; expected 0 or 1"))];
        double area = RocAuc(positive, scores);
        return MetricResult.Of(area, ("roc_auc", area), ("average_precision", AveragePrecision(positive, scores)));
    }

    private static void Check(IReadOnlyList<bool> positive, IReadOnlyList<double> scores)
    {
        ArgumentNullException.ThrowIfNull(positive);
        ArgumentNullException.ThrowIfNull(scores);
        if (positive.Count != scores.Count)
        {
            throw new ArgumentException($"there are {positive.Count} labels and {scores.Count} scores; expected as many of both");
        }
    }
}
