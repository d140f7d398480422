using System.Globalization;

namespace Lorikeet.Training;

/// <summary>Settings of <see cref="Chrf"/>, with sacrebleu's defaults.</summary>
public sealed record ChrfOptions
{
    /// <summary>The longest character n-grams.</summary>
    public int CharOrder { get; init; } = 6;

    /// <summary>The longest word n-grams: 0 is chrF, 2 is chrF++.</summary>
    public int WordOrder { get; init; }

    /// <summary>How many times as much recall counts as precision.</summary>
    public int Beta { get; init; } = 2;

    /// <summary>Whether texts are made lower case.</summary>
    public bool Lowercase { get; init; }

    /// <summary>Whether white space counts as characters.</summary>
    public bool Whitespace { get; init; }

    /// <summary>Whether orders without n-grams count next to nothing, as in chrF++.py, instead of being left out.</summary>
    public bool EpsilonSmoothing { get; init; }
}

/// <summary>
/// chrF (Popović, WMT 2015) and chrF++ (WMT 2017) as sacrebleu 2.6 computes them: precision and recall of each order, averaged over the orders that
/// both sides have, then <c>(1 + b^2) P R / (b^2 P + R)</c>; a sentence takes its best reference, the corpus sums the sentences' counts.
/// </summary>
public static class Chrf
{
    private const double Epsilon = 1e-16;

    /// <summary>Scores a corpus, 0 to 100.</summary>
    /// <param name="input">Candidates and references.</param>
    /// <param name="options">Settings; null: the defaults.</param>
    public static double Corpus(MetricInput input, ChrfOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(input);
        options ??= new ChrfOptions();
        long[] sums = new long[3 * (options.CharOrder + options.WordOrder)];
        for (int i = 0; i < input.Candidates.Count; i++)
        {
            List<Dictionary<string, int>> own = Count(input.Candidates[i], options);
            long[]? best = null;
            double bestScore = -1;
            foreach (string reference in input.References[i])
            {
                long[] statistics = Statistics(own, Count(reference, options));
                double score = FScore(statistics, options);
                if (score > bestScore)
                {
                    (best, bestScore) = (statistics, score);
                }
            }
            for (int k = 0; k < sums.Length; k++)
            {
                sums[k] += best?[k] ?? 0;
            }
        }
        return FScore(sums, options);
    }

    /// <summary>The settings, as sacrebleu writes them, without a version.</summary>
    /// <param name="input">Candidates and references.</param>
    /// <param name="options">Settings.</param>
    public static string Signature(MetricInput input, ChrfOptions options)
    {
        ArgumentNullException.ThrowIfNull(input);
        ArgumentNullException.ThrowIfNull(options);
        return string.Create(
            CultureInfo.InvariantCulture,
            $"nrefs:{Bleu.References(input)}|case:{(options.Lowercase ? "lc" : "mixed")}|eff:{(options.EpsilonSmoothing ? "no" : "yes")}|nc:{options.CharOrder}|nw:{options.WordOrder}|space:{(options.Whitespace ? "yes" : "no")}");
    }

    internal static MetricResult Score(MetricInput input, MetricSettings set)
    {
        ChrfOptions options = new()
        {
            CharOrder = set.Number("char_order", 6, 1, 32),
            WordOrder = set.Number("word_order", 0, 0, 16),
            Beta = set.Number("beta", 2, 1, 100),
            Lowercase = set.Flag("lowercase"),
            Whitespace = set.Flag("whitespace"),
            EpsilonSmoothing = set.Flag("eps_smoothing"),
        };
        return new MetricResult(Corpus(input, options), [], Signature(input, options));
    }

    private static List<Dictionary<string, int>> Count(string text, ChrfOptions options)
    {
        text = options.Lowercase ? NGrams.Lower(text) : text;
        List<string> words = NGrams.Words(text);
        string characters = options.Whitespace ? text : string.Concat(words);
        int[] starts = NGrams.Starts(characters);
        List<Dictionary<string, int>> counts = [];
        for (int n = 1; n <= options.CharOrder; n++)
        {
            counts.Add(NGrams.CountCharacters(characters, starts, n));
        }
        List<string> split = options.WordOrder > 0 ? [.. words.SelectMany(Split)] : [];
        for (int n = 1; n <= options.WordOrder; n++)
        {
            counts.Add(NGrams.Count(split, n));
        }
        return counts;
    }

    // One punctuation mark at the end, or else at the beginning, is a word of its own.
    private static string[] Split(string word) =>
        NGrams.Starts(word).Length == 2 ? [word]
        : IsMark(word[^1]) ? [word[..^1], word[^1..]]
        : IsMark(word[0]) ? [word[..1], word[1..]]
        : [word];

    private static bool IsMark(char c) => char.IsAscii(c) && (char.IsPunctuation(c) || char.IsSymbol(c));

    private static long[] Statistics(List<Dictionary<string, int>> own, List<Dictionary<string, int>> reference)
    {
        long[] statistics = new long[3 * own.Count];
        for (int n = 0; n < own.Count; n++)
        {
            // Without n-grams of the reference, the candidate's do not count.
            statistics[3 * n] = reference[n].Count > 0 ? own[n].Values.Sum() : 0;
            statistics[(3 * n) + 1] = reference[n].Values.Sum();
            statistics[(3 * n) + 2] = NGrams.Shared(own[n], reference[n]);
        }
        return statistics;
    }

    private static double FScore(long[] statistics, ChrfOptions options)
    {
        double factor = (double)options.Beta * options.Beta, sum = 0, precisions = 0, recalls = 0;
        int orders = statistics.Length / 3, effective = 0;
        for (int n = 0; n < orders; n++)
        {
            long own = statistics[3 * n], reference = statistics[(3 * n) + 1], match = statistics[(3 * n) + 2];
            double precision = own > 0 ? (double)match / own : Epsilon, recall = reference > 0 ? (double)match / reference : Epsilon;
            double below = (factor * precision) + recall;
            sum += below > 0 ? (1 + factor) * precision * recall / below : Epsilon;
            if (own > 0 && reference > 0)
            {
                precisions += precision;
                recalls += recall;
                effective++;
            }
        }
        if (options.EpsilonSmoothing)
        {
            return 100 * sum / orders;
        }
        double p = effective > 0 ? precisions / effective : 0, r = effective > 0 ? recalls / effective : 0;
        return p + r > 0 ? 100 * (1 + factor) * p * r / ((factor * p) + r) : 0;
    }
}
