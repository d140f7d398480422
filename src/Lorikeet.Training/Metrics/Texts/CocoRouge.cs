namespace Lorikeet.Training;

/// <summary>ROUGE-L as pycocoevalcap computes it: beta 1.2, the best precision and the best recall of any reference. Texts are split at single blanks.</summary>
public static class CocoRouge
{
    private const double Square = 1.2 * 1.2;

    /// <summary>The score of each candidate; the corpus's is their mean.</summary>
    /// <param name="input">Candidates and references.</param>
    public static IReadOnlyList<double> Each(MetricInput input)
    {
        ArgumentNullException.ThrowIfNull(input);
        return [.. input.Candidates.Select((candidate, i) => One(candidate.Split(' '), input.References[i]))];
    }

    internal static MetricResult Score(MetricInput input, MetricSettings set) => MetricResult.Of(Each(input).Average());

    private static double One(string[] candidate, IReadOnlyList<string> references)
    {
        double precision = 0, recall = 0;
        foreach (string[] reference in references.Select(r => r.Split(' ')))
        {
            double common = Subsequence.Length(reference, candidate);
            precision = Math.Max(precision, common / candidate.Length);
            recall = Math.Max(recall, common / reference.Length);
        }
        return precision != 0 && recall != 0 ? (1 + Square) * precision * recall / (recall + (Square * precision)) : 0;
    }
}
