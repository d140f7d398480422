namespace Lorikeet.Training;

/// <summary>NIST (Doddington, HLT 2002) as nltk's <c>corpus_nist</c> computes it: each order takes the reference with the best precision.</summary>
public static class Nist
{
    /// <summary>Scores lists of tokens; NaN where the original divides by zero.</summary>
    /// <param name="candidates">The candidates' tokens.</param>
    /// <param name="references">The references' tokens for each candidate.</param>
    /// <param name="n">The longest n-grams.</param>
    public static double Corpus(IReadOnlyList<IReadOnlyList<string>> candidates, IReadOnlyList<IReadOnlyList<IReadOnlyList<string>>> references, int n = 5)
    {
        ArgumentNullException.ThrowIfNull(candidates);
        ArgumentNullException.ThrowIfNull(references);
        Dictionary<string, int>[] seen = [.. Enumerable.Range(0, n).Select(order => Sum(references.SelectMany(r => r).Select(r => NGrams.Count(r, order + 1))))];
        int words = references.SelectMany(r => r).Sum(r => r.Count);
        double score = 0;
        long referenceLength = 0, candidateLength = 0;
        for (int order = 0; order < n; order++)
        {
            double above = 0, below = 0;
            for (int i = 0; i < candidates.Count; i++)
            {
                Dictionary<string, int> own = NGrams.Count(candidates[i], order + 1);
                double total = own.Values.Sum();
                (double Precision, double Above, double Below, int Length) best = (double.NegativeInfinity, 0, 0, 0);
                foreach (IReadOnlyList<string> reference in references[i])
                {
                    Dictionary<string, int> counts = NGrams.Count(reference, order + 1);
                    double gained = own.Sum(g => Math.Min(g.Value, counts.GetValueOrDefault(g.Key)) is var shared and > 0 ? shared * Information(g.Key, order) : 0);
                    (double, double, double, int) found = (total == 0 ? 0 : gained / total, gained, total, reference.Count);
                    best = found.CompareTo(best) > 0 ? found : best;
                }
                above += best.Above;
                below += best.Below;
                referenceLength += best.Length;
                candidateLength += candidates[i].Count;
            }
            score += below == 0 ? double.NaN : above / below;
        }
        return score * (referenceLength == 0 ? double.NaN : Penalty((double)candidateLength / referenceLength));

        double Information(string key, int order)
        {
            int cut = key.LastIndexOf('\0');
            int shorter = order > 0 ? seen[order - 1].GetValueOrDefault(key[..cut], words) : words;
            return Math.Log2((double)shorter / seen[order][key]);
        }
    }

    internal static MetricResult Score(MetricInput input, MetricSettings set) => MetricResult.Of(Corpus(
        [.. input.Candidates.Select(NGrams.Words)],
        [.. input.References.Select(r => (IReadOnlyList<IReadOnlyList<string>>)[.. r.Select(NGrams.Words)])],
        set.Number("n", 5, 1, 16)));

    private static Dictionary<string, int> Sum(IEnumerable<Dictionary<string, int>> counts)
    {
        Dictionary<string, int> sum = [];
        foreach ((string key, int count) in counts.SelectMany(c => c))
        {
            sum[key] = sum.GetValueOrDefault(key) + count;
        }
        return sum;
    }

    private static double Penalty(double ratio) => ratio is > 0 and < 1
        ? Math.Exp(Math.Log(0.5) / (Math.Log(1.5) * Math.Log(1.5)) * Math.Log(ratio) * Math.Log(ratio))
        : Math.Clamp(ratio, 0, 1);
}
