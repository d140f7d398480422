namespace Lorikeet.Training;

/// <summary>Precision, recall and F1, each 0 to 1.</summary>
/// <param name="Precision">Share of what was predicted that is right.</param>
/// <param name="Recall">Share of what is there that was predicted.</param>
/// <param name="F1">Their harmonic mean.</param>
public readonly record struct ClassScore(double Precision, double Recall, double F1);

/// <summary>
/// How well labels were predicted, as scikit-learn computes it with <c>zero_division=0</c>: a share of nothing is 0, and the F1 of a class that nobody
/// has or predicts is 0 and counts in the macro mean.
/// </summary>
public sealed class Classification
{
    private readonly double[] truths;
    private readonly double[] predictions;
    private readonly double all;

    /// <summary>Counts predictions.</summary>
    /// <param name="truth">The right labels, as numbers from 0.</param>
    /// <param name="predicted">The predicted ones.</param>
    /// <param name="classes">How many labels there are.</param>
    public Classification(IReadOnlyList<int> truth, IReadOnlyList<int> predicted, int classes)
    {
        ArgumentNullException.ThrowIfNull(truth);
        ArgumentNullException.ThrowIfNull(predicted);
        if (truth.Count != predicted.Count || truth.Count == 0)
        {
            throw new ArgumentException($"there are {truth.Count} labels and {predicted.Count} predictions; expected as many of both, and at least one");
        }
        int[][] confusion = [.. Enumerable.Range(0, classes).Select(_ => new int[classes])];
        for (int i = 0; i < truth.Count; i++)
        {
            confusion[truth[i]][predicted[i]]++;
        }
        Confusion = confusion;
        all = truth.Count;
        truths = [.. confusion.Select(row => (double)row.Sum())];
        predictions = [.. Enumerable.Range(0, classes).Select(c => (double)confusion.Sum(row => row[c]))];
        PerClass = [.. Enumerable.Range(0, classes).Select(c => Of(confusion[c][c], predictions[c], truths[c]))];
    }

    /// <summary>Counts <c>[true][predicted]</c>.</summary>
    public IReadOnlyList<IReadOnlyList<int>> Confusion { get; }

    /// <summary>Scores of each class.</summary>
    public IReadOnlyList<ClassScore> PerClass { get; }

    /// <summary>How often each class is the right one.</summary>
    public IReadOnlyList<double> Support => truths;

    /// <summary>Share of right predictions.</summary>
    public double Accuracy => Right / all;

    /// <summary>Mean recall of the classes that occur.</summary>
    public double BalancedAccuracy => PerClass.Where((_, c) => truths[c] > 0).Average(s => s.Recall);

    /// <summary>Mean scores of the classes.</summary>
    public ClassScore Macro => new(PerClass.Average(s => s.Precision), PerClass.Average(s => s.Recall), PerClass.Average(s => s.F1));

    /// <summary>Scores of all predictions together.</summary>
    public ClassScore Micro => Of(Right, all, all);

    /// <summary>Mean scores, each class as often as it occurs.</summary>
    public ClassScore Weighted => new(Weigh(s => s.Precision), Weigh(s => s.Recall), Weigh(s => s.F1));

    /// <summary>Matthews' correlation coefficient (for several classes after Gorodkin, 2004); 0 where its denominator is 0.</summary>
    public double Mcc
    {
        get
        {
            double product = truths.Zip(predictions).Sum(p => p.First * p.Second);
            double below = Math.Sqrt((all * all) - predictions.Sum(p => p * p)) * Math.Sqrt((all * all) - truths.Sum(t => t * t));
            return below == 0 ? 0 : ((Right * all) - product) / below;
        }
    }

    /// <summary>Cohen's kappa; NaN where only one label occurs on both sides.</summary>
    public double Kappa
    {
        get
        {
            double chance = truths.Zip(predictions).Sum(p => p.First * p.Second) / (all * all);
            return (Accuracy - chance) / (1 - chance);
        }
    }

    private double Right => Confusion.Select((row, c) => (double)row[c]).Sum();

    internal static MetricResult Score(MetricInput input, MetricSettings set)
    {
        string[] truth = [.. input.References.Select(r => r[0].Trim())], predicted = [.. input.Candidates.Select(c => c.Trim())];
        string[] labels = [.. truth.Concat(predicted).Distinct().Order(StringComparer.Ordinal)];
        const int MostLabels = 10_000;
        if (labels.Length > MostLabels)
        {
            throw new ArgumentException($"there are {labels.Length} different labels; at most {MostLabels} are counted. Is it text, not labels?");
        }
        Dictionary<string, int> numbers = labels.Select((label, i) => (label, i)).ToDictionary(p => p.label, p => p.i);
        Classification found = new([.. truth.Select(t => numbers[t])], [.. predicted.Select(p => numbers[p])], labels.Length);
        List<KeyValuePair<string, double>> details =
        [
            new("macro_precision", found.Macro.Precision), new("macro_recall", found.Macro.Recall), new("macro_f1", found.Macro.F1),
            new("weighted_f1", found.Weighted.F1), new("balanced_accuracy", found.BalancedAccuracy), new("mcc", found.Mcc), new("kappa", found.Kappa),
        ];
        if (labels.Length <= 20)
        {
            details.AddRange(labels.Select((label, i) => KeyValuePair.Create($"f1[{label}]", found.PerClass[i].F1)));
        }
        return new MetricResult(found.Accuracy, details);
    }

    private static ClassScore Of(double right, double predicted, double there)
    {
        double precision = predicted > 0 ? right / predicted : 0, recall = there > 0 ? right / there : 0;
        return new ClassScore(precision, recall, predicted + there > 0 ? 2 * right / (predicted + there) : 0);
    }

    private double Weigh(Func<ClassScore, double> part) => PerClass.Select((s, c) => part(s) * truths[c]).Sum() / all;
}
