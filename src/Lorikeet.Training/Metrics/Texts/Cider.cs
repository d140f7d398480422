namespace Lorikeet.Training;

/// <summary>
/// CIDEr-D (Vedantam et al., CVPR 2015) as pycocoevalcap computes it: cosine of tf-idf vectors of 1- to 4-grams, clipped, with a Gaussian penalty
/// (sigma 6) for the difference in length, averaged over orders and references, times 10. Texts are tokenised already.
/// </summary>
public static class Cider
{
    private const int Orders = 4;
    private const double Sigma = 6;

    /// <summary>The score of each candidate; the corpus's is their mean.</summary>
    /// <param name="input">Candidates and references, words between blanks.</param>
    public static IReadOnlyList<double> Each(MetricInput input)
    {
        ArgumentNullException.ThrowIfNull(input);
        Dictionary<string, int>[][][] references = [.. input.References.Select(r => r.Select(Count).ToArray())];
        Dictionary<string, int> documents = [];
        foreach (Dictionary<string, int>[][] several in references)
        {
            foreach (string key in several.SelectMany(r => r).SelectMany(c => c.Keys).Distinct())
            {
                documents[key] = documents.GetValueOrDefault(key) + 1;
            }
        }
        double logCount = Math.Log(references.Length);
        double[] scores = new double[references.Length];
        for (int i = 0; i < scores.Length; i++)
        {
            Vector own = new(Count(input.Candidates[i]), documents, logCount);
            double sum = references[i].Sum(r => own.Similarity(new Vector(r, documents, logCount)));
            scores[i] = 10 * (sum / Orders) / references[i].Length;
        }
        return scores;
    }

    internal static MetricResult Score(MetricInput input, MetricSettings set) => MetricResult.Of(Each(input).Average());

    private static Dictionary<string, int>[] Count(string text)
    {
        List<string> words = NGrams.Words(text);
        return [.. Enumerable.Range(1, Orders).Select(n => NGrams.Count(words, n))];
    }

    private sealed class Vector
    {
        private readonly Dictionary<string, double>[] weights;
        private readonly double[] norms;
        private readonly int length;

        public Vector(Dictionary<string, int>[] counts, Dictionary<string, int> documents, double logCount)
        {
            weights = [.. counts.Select(c => c.ToDictionary(g => g.Key, g => g.Value * (logCount - Math.Log(Math.Max(1, documents.GetValueOrDefault(g.Key))))))];
            norms = [.. weights.Select(w => Math.Sqrt(w.Values.Sum(x => x * x)))];
            // The original measures the length in bigrams.
            length = counts[1].Values.Sum();
        }

        public double Similarity(Vector reference)
        {
            double delta = length - reference.length, sum = 0;
            for (int n = 0; n < Orders; n++)
            {
                double product = 0;
                foreach ((string key, double weight) in weights[n])
                {
                    double other = reference.weights[n].GetValueOrDefault(key);
                    product += Math.Min(weight, other) * other;
                }
                product /= norms[n] != 0 && reference.norms[n] != 0 ? norms[n] * reference.norms[n] : 1;
                sum += product * Math.Exp(-(delta * delta) / (2 * Sigma * Sigma));
            }
            return sum;
        }
    }
}
