using System.Globalization;

namespace Lorikeet.Training;

/// <summary>Settings of <see cref="Bleu"/>, with sacrebleu's names and defaults.</summary>
public sealed record BleuOptions
{
    /// <summary>The tokeniser: 13a, intl, char, zh, none.</summary>
    public string Tokenize { get; init; } = "13a";

    /// <summary>What an order without a match counts: exp (half of the one before), floor, add-k, none.</summary>
    public string SmoothMethod { get; init; } = "exp";

    /// <summary>The number of floor (default 0.1) and add-k (default 1).</summary>
    public double? SmoothValue { get; init; }

    /// <summary>Whether texts are made lower case.</summary>
    public bool Lowercase { get; init; }

    /// <summary>Whether orders that the candidates are too short for are left out: for single sentences.</summary>
    public bool EffectiveOrder { get; init; }

    /// <summary>The longest n-grams.</summary>
    public int MaxOrder { get; init; } = 4;
}

/// <summary>A BLEU score with its parts.</summary>
/// <param name="Score">0 to 100.</param>
/// <param name="Counts">Matched n-grams of each order; add-k's k is in.</param>
/// <param name="Totals">All n-grams of each order; add-k's k is in.</param>
/// <param name="Precisions">Of each order, in percent.</param>
/// <param name="BrevityPenalty">At most 1.</param>
/// <param name="CandidateLength">Tokens of the candidates.</param>
/// <param name="ReferenceLength">Tokens of the references closest in length.</param>
/// <param name="Signature">The settings, as sacrebleu writes them, without a version.</param>
public sealed record BleuScore(
    double Score, IReadOnlyList<double> Counts, IReadOnlyList<double> Totals, IReadOnlyList<double> Precisions, double BrevityPenalty, int CandidateLength, int ReferenceLength, string Signature);

/// <summary>
/// BLEU (Papineni et al., ACL 2002) as sacrebleu 2.6 computes it: <c>100 BP exp(mean log p_n)</c> over the whole corpus, counts clipped by the
/// largest count in any reference; smoothing after Chen and Cherry, WMT 2014.
/// </summary>
public static class Bleu
{
    private const double LogOfZero = -9999999999;

    /// <summary>Scores a corpus.</summary>
    /// <param name="input">Candidates and references.</param>
    /// <param name="options">Settings; null: the defaults.</param>
    /// <exception cref="ArgumentException">A setting is not known.</exception>
    public static BleuScore Corpus(MetricInput input, BleuOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(input);
        options ??= new BleuOptions();
        double[] counts = new double[options.MaxOrder], totals = new double[options.MaxOrder];
        int length = 0, wanted = 0;
        for (int i = 0; i < input.Candidates.Count; i++)
        {
            List<string> candidate = Tokens(input.Candidates[i], options);
            List<string>[] references = [.. input.References[i].Select(r => Tokens(r, options))];
            length += candidate.Count;
            wanted += NGrams.Closest(candidate.Count, references.Select(r => r.Count));
            for (int n = 0; n < options.MaxOrder; n++)
            {
                Dictionary<string, int> own = NGrams.Count(candidate, n + 1);
                totals[n] += Math.Max(0, candidate.Count - n);
                counts[n] += NGrams.Shared(own, NGrams.Merge(references.Select(r => NGrams.Count(r, n + 1))));
            }
        }
        return Combine(counts, totals, length, wanted, options, Signature(input, options));
    }

    internal static MetricResult Score(MetricInput input, MetricSettings set)
    {
        BleuOptions options = new()
        {
            Tokenize = set.Text("tokenize", "13a"),
            SmoothMethod = set.Text("smooth_method", "exp"),
            SmoothValue = set.Real("smooth_value"),
            Lowercase = set.Flag("lowercase"),
            EffectiveOrder = set.Flag("effective_order"),
            MaxOrder = set.Number("max_ngram_order", 4, 1, 16),
        };
        BleuScore score = Corpus(input, options);
        List<KeyValuePair<string, double>> details = [.. score.Precisions.Select((p, n) => KeyValuePair.Create($"precision{n + 1}", p))];
        details.AddRange([
            new("brevity_penalty", score.BrevityPenalty), new("candidate_length", score.CandidateLength), new("reference_length", score.ReferenceLength)]);
        return new MetricResult(score.Score, details, score.Signature);
    }

    private static BleuScore Combine(double[] counts, double[] totals, int length, int wanted, BleuOptions options, string signature)
    {
        double penalty = length >= wanted ? 1 : length > 0 ? Math.Exp(1 - ((double)wanted / length)) : 0;
        double[] precisions = new double[options.MaxOrder];
        double value = options.SmoothValue ?? (options.SmoothMethod == "floor" ? 0.1 : 1);
        if (Array.TrueForAll(counts, c => c == 0))
        {
            return new BleuScore(0, counts, totals, precisions, penalty, length, wanted, signature);
        }
        double halves = 1;
        int orders = options.MaxOrder;
        for (int n = 0; n < options.MaxOrder; n++)
        {
            if (options.SmoothMethod == "add-k" && n > 0)
            {
                counts[n] += value;
                totals[n] += value;
            }
            if (totals[n] == 0)
            {
                break;
            }
            orders = options.EffectiveOrder ? n + 1 : orders;
            if (counts[n] != 0)
            {
                precisions[n] = 100 * counts[n] / totals[n];
            }
            else if (options.SmoothMethod == "exp")
            {
                halves *= 2;
                precisions[n] = 100 / (halves * totals[n]);
            }
            else if (options.SmoothMethod == "floor")
            {
                precisions[n] = 100 * value / totals[n];
            }
        }
        double score = penalty * Math.Exp(precisions.Take(orders).Sum(p => p == 0 ? LogOfZero : Math.Log(p)) / orders);
        return new BleuScore(score, counts, totals, precisions, penalty, length, wanted, signature);
    }

    private static List<string> Tokens(string text, BleuOptions options) =>
        NGrams.Words(BleuTokenizer.Tokenize(NGrams.TrimEnd(options.Lowercase ? NGrams.Lower(text) : text), options.Tokenize));

    private static string Signature(MetricInput input, BleuOptions options)
    {
        string smooth = options.SmoothMethod switch
        {
            "exp" or "none" => options.SmoothMethod,
            "floor" or "add-k" => $"{options.SmoothMethod}[{(options.SmoothValue ?? (options.SmoothMethod == "floor" ? 0.1 : 1)).ToString("F2", CultureInfo.InvariantCulture)}]",
            _ => throw new ArgumentException($"smooth_method is '{options.SmoothMethod}'; expected exp, floor, add-k or none"),
        };
        return $"nrefs:{References(input)}|case:{(options.Lowercase ? "lc" : "mixed")}|eff:{(options.EffectiveOrder ? "yes" : "no")}|tok:{options.Tokenize}|smooth:{smooth}";
    }

    /// <summary>How many references there are, for signatures.</summary>
    internal static string References(MetricInput input)
    {
        int[] numbers = [.. input.References.Select(r => r.Count).Distinct().Take(2)];
        return numbers.Length == 1 ? numbers[0].ToString(CultureInfo.InvariantCulture) : "var";
    }
}
