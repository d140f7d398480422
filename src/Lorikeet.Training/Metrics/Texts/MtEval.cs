using Lorikeet.Models.Text.Templates;

namespace Lorikeet.Training;

/// <summary>
/// BLEU and NIST as the E2E challenge measures them (pymteval.py, after mteval-v13a): LoRA's and NOLA's figures are of this kind, not
/// sacrebleu's. Without regard to case by default; an empty text is one empty token; BLEU never falls to 0.
/// </summary>
public static class MtEval
{
    private const int NistOrder = 5;
    private const int BleuOrder = 4;
    private static readonly double Beta = -Math.Log(0.5) / (Math.Log(1.5) * Math.Log(1.5));

    /// <summary>BLEU, 0 to 1.</summary>
    /// <param name="input">Candidates and references.</param>
    /// <param name="caseSensitive">Whether case counts.</param>
    public static double BleuOf(MetricInput input, bool caseSensitive = false)
    {
        ArgumentNullException.ThrowIfNull(input);
        double[] hits = new double[BleuOrder], totals = new double[BleuOrder];
        int wanted = 0;
        foreach ((List<string> candidate, List<string>[] references) in Tokenized(input, caseSensitive))
        {
            for (int n = 0; n < BleuOrder; n++)
            {
                hits[n] += NGrams.Shared(NGrams.Count(candidate, n + 1), NGrams.Merge(references.Select(r => NGrams.Count(r, n + 1))));
                // Texts shorter than an order take something off, as in the original.
                totals[n] += candidate.Count - n;
            }
            wanted += NGrams.Closest(candidate.Count, references.Select(r => r.Count));
        }
        double penalty = totals[0] <= wanted ? Math.Exp(1 - (wanted / (totals[0] != 0 ? totals[0] : 1e-5))) : 1;
        return penalty * Math.Exp(hits.Zip(totals).Sum(p => Math.Log(Math.Max(p.First, 1e-15) / Math.Max(p.Second, 1e-9))) / BleuOrder);
    }

    /// <summary>NIST with n-grams up to 5; NaN where it divides by zero.</summary>
    /// <param name="input">Candidates and references.</param>
    /// <param name="caseSensitive">Whether case counts.</param>
    public static double NistOf(MetricInput input, bool caseSensitive = false)
    {
        ArgumentNullException.ThrowIfNull(input);
        Dictionary<string, int>[] seen = [.. Enumerable.Range(0, NistOrder + 1).Select(_ => new Dictionary<string, int>())];
        List<(string Key, int Count)>[] hits = [.. Enumerable.Range(0, NistOrder).Select(_ => new List<(string, int)>())];
        double[] totals = new double[NistOrder];
        double referenceLength = 0;
        int words = 0;
        foreach ((List<string> candidate, List<string>[] references) in Tokenized(input, caseSensitive))
        {
            for (int n = 0; n < NistOrder; n++)
            {
                totals[n] += candidate.Count - n;
                Dictionary<string, int>[] counts = [.. references.Select(r => NGrams.Count(r, n + 1))];
                Dictionary<string, int> merged = NGrams.Merge(counts);
                foreach ((string key, int count) in NGrams.Count(candidate, n + 1))
                {
                    hits[n].Add((key, Math.Min(count, merged.GetValueOrDefault(key))));
                }
                foreach ((string key, int count) in counts.SelectMany(c => c))
                {
                    seen[n + 1][key] = seen[n + 1].GetValueOrDefault(key) + count;
                }
            }
            int length = references.Sum(r => r.Count);
            words += length;
            referenceLength += (double)length / references.Length;
        }
        if (Array.Exists(totals, t => t == 0) || referenceLength == 0)
        {
            return double.NaN;
        }
        double sum = 0;
        for (int n = 0; n < NistOrder; n++)
        {
            sum += hits[n].Where(h => h.Count > 0).Sum(h => h.Count * Information(h.Key, n + 1)) / totals[n];
        }
        double ratio = totals[0] / referenceLength;
        return sum * (ratio >= 1 ? 1 : ratio <= 0 ? 0 : Math.Exp(-Beta * Math.Log(ratio) * Math.Log(ratio)));

        double Information(string key, int order)
        {
            int shorter = order == 1 ? words : seen[order - 1][key[..key.LastIndexOf('\0')]];
            return Math.Log2((double)shorter / seen[order][key]);
        }
    }

    /// <summary>The tokens of a text, case as it is.</summary>
    /// <param name="text">The text.</param>
    public static IReadOnlyList<string> Tokens(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        // The same steps as 13a, with white space of every kind as one blank; nothing is one empty token.
        List<string> words = NGrams.Words(BleuTokenizer.Tokenize(text, "13a"));
        return words.Count > 0 ? words : [""];
    }

    internal static MetricResult Score(MetricInput input, MetricSettings set)
    {
        bool sensitive = set.Flag("case_sensitive");
        double bleu = BleuOf(input, sensitive);
        return MetricResult.Of(bleu, ("bleu", bleu), ("nist", NistOf(input, sensitive)));
    }

    private static IEnumerable<(List<string> Candidate, List<string>[] References)> Tokenized(MetricInput input, bool caseSensitive)
    {
        for (int i = 0; i < input.Candidates.Count; i++)
        {
            yield return (Cased(input.Candidates[i]), [.. input.References[i].Select(Cased)]);
        }

        List<string> Cased(string text) => [.. Tokens(text).Select(t => caseSensitive ? t : Casing.Lower(t))];
    }
}
