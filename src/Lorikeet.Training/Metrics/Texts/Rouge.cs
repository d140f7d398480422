namespace Lorikeet.Training;

/// <summary>Precision, recall and their F-score, each 0 to 1.</summary>
/// <param name="Precision">Share of the candidate that is in the reference.</param>
/// <param name="Recall">Share of the reference that is in the candidate.</param>
public readonly record struct RougeScore(double Precision, double Recall)
{
    /// <summary><c>2 P R / (P + R)</c>.</summary>
    public double F => Precision + Recall > 0 ? 2 * Precision * Recall / (Precision + Recall) : 0;
}

/// <summary>
/// ROUGE (Lin, 2004) as rouge_score 0.1.2 computes it: n-grams (rouge1 to rouge9), the longest common subsequence (rougeL) and its union over
/// lines (rougeLsum). Words are runs of a-z and 0-9 after lower case.
/// </summary>
public static class Rouge
{
    /// <summary>Scores a text; of several references each kind takes the one with the best F.</summary>
    /// <param name="candidate">The text.</param>
    /// <param name="references">What it should be.</param>
    /// <param name="kind">rouge1 to rouge9, rougeL or rougeLsum.</param>
    /// <param name="stem">Whether words longer than three letters are stemmed.</param>
    public static RougeScore Sentence(string candidate, IReadOnlyList<string> references, string kind, bool stem = false)
    {
        ArgumentNullException.ThrowIfNull(references);
        RougeScore? best = null;
        foreach (string reference in references)
        {
            RougeScore score = One(candidate, reference, kind, stem);
            best = best is { } other && other.F >= score.F ? other : score;
        }
        return best ?? default;
    }

    internal static MetricResult Score(MetricInput input, MetricSettings set)
    {
        bool stem = set.Flag("use_stemmer");
        List<KeyValuePair<string, double>> details = [];
        foreach (string kind in (string[])["rouge1", "rouge2", "rougeL", "rougeLsum"])
        {
            RougeScore[] scores = [.. input.Candidates.Select((c, i) => Sentence(c, input.References[i], kind, stem))];
            details.Add(new(kind, scores.Average(s => s.F)));
            details.Add(new(kind + "_precision", scores.Average(s => s.Precision)));
            details.Add(new(kind + "_recall", scores.Average(s => s.Recall)));
        }
        return new MetricResult(details.First(d => d.Key == "rougeL").Value, details);
    }

    private static RougeScore One(string candidate, string reference, string kind, bool stem) => kind switch
    {
        "rougeL" => Common(Words(candidate, stem), Words(reference, stem)),
        "rougeLsum" => Union(Lines(candidate, stem), Lines(reference, stem)),
        ['r', 'o', 'u', 'g', 'e', >= '1' and <= '9'] => Grams(Words(candidate, stem), Words(reference, stem), kind[5] - '0'),
        _ => throw new ArgumentException($"there is no kind '{kind}'; there are rouge1 to rouge9, rougeL, rougeLsum"),
    };

    private static RougeScore Grams(List<string> candidate, List<string> reference, int order)
    {
        Dictionary<string, int> own = NGrams.Count(candidate, order), wanted = NGrams.Count(reference, order);
        double shared = NGrams.Shared(own, wanted);
        return new RougeScore(shared / Math.Max(1, own.Values.Sum()), shared / Math.Max(1, wanted.Values.Sum()));
    }

    private static RougeScore Common(List<string> candidate, List<string> reference)
    {
        if (candidate.Count == 0 || reference.Count == 0)
        {
            return default;
        }
        double length = Subsequence.Length(reference, candidate);
        return new RougeScore(length / candidate.Count, length / reference.Count);
    }

    // A word counts as often as both sides have it.
    private static RougeScore Union(List<List<string>> candidate, List<List<string>> reference)
    {
        double own = candidate.Sum(l => l.Count), wanted = reference.Sum(l => l.Count);
        if (own == 0 || wanted == 0)
        {
            return default;
        }
        Dictionary<string, int> left = NGrams.Count([.. candidate.SelectMany(l => l)], 1), leftWanted = NGrams.Count([.. reference.SelectMany(l => l)], 1);
        int hits = 0;
        foreach (List<string> line in reference)
        {
            foreach (int place in candidate.SelectMany(c => Subsequence.Places(line, c)).Distinct())
            {
                string word = line[place];
                if (left.GetValueOrDefault(word) > 0 && leftWanted[word] > 0)
                {
                    hits++;
                    left[word]--;
                    leftWanted[word]--;
                }
            }
        }
        return new RougeScore(hits / own, hits / wanted);
    }

    private static List<List<string>> Lines(string text, bool stem) => [.. text.Split('\n').Where(l => l.Length > 0).Select(l => Words(l, stem))];

    private static List<string> Words(string text, bool stem)
    {
        List<string> words = [];
        string lower = NGrams.Lower(text);
        for (int i = 0; i < lower.Length; i++)
        {
            int start = i;
            while (i < lower.Length && (char.IsAsciiLetterLower(lower[i]) || char.IsAsciiDigit(lower[i])))
            {
                i++;
            }
            if (i > start)
            {
                words.Add(stem && i - start > 3 ? PorterStemmer.Stem(lower[start..i]) : lower[start..i]);
            }
        }
        return words;
    }
}
