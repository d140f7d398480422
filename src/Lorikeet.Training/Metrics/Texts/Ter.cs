namespace Lorikeet.Training;

/// <summary>Settings of <see cref="Ter"/>, with sacrebleu's defaults.</summary>
public sealed record TerOptions
{
    /// <summary>Whether punctuation is split off and entities are undone first.</summary>
    public bool Normalized { get; init; }

    /// <summary>Whether punctuation is removed.</summary>
    public bool NoPunctuation { get; init; }

    /// <summary>Whether the two above also know Chinese and Japanese characters.</summary>
    public bool AsianSupport { get; init; }

    /// <summary>Whether case counts.</summary>
    public bool CaseSensitive { get; init; }
}

/// <summary>A TER score with its parts.</summary>
/// <param name="Score">Edits in percent of the references' words; more than 100 is possible.</param>
/// <param name="Edits">Edits and shifts of all candidates to the reference that needs fewest.</param>
/// <param name="ReferenceLength">Words of the references: the sum of the means.</param>
public sealed record TerScore(double Score, int Edits, double ReferenceLength);

/// <summary>
/// Translation edit rate (Snover et al., AMTA 2006) as sacrebleu 2.6 computes it after Tercom: insertions, deletions, replacements and shifts of
/// runs of words, found greedily, over the mean length of the references.
/// </summary>
public static class Ter
{
    private const int LongestShift = 10;
    private const int FarthestShift = 50;
    private const int MostCandidates = 1000;

    /// <summary>Scores a corpus.</summary>
    /// <param name="input">Candidates and references.</param>
    /// <param name="options">Settings; null: the defaults.</param>
    public static TerScore Corpus(MetricInput input, TerOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(input);
        options ??= new TerOptions();
        int edits = 0;
        double length = 0;
        for (int i = 0; i < input.Candidates.Count; i++)
        {
            Dictionary<string, int> numbers = [];
            int[] candidate = Numbered(input.Candidates[i]);
            int best = int.MaxValue, words = 0;
            foreach (string text in input.References[i])
            {
                int[] reference = Numbered(text);
                best = Math.Min(best, Edits(candidate, reference));
                words += reference.Length;
            }
            edits += best;
            length += (double)words / input.References[i].Count;

            int[] Numbered(string text) => [.. TerTokenizer.Words(text, options).Select(Number)];

            int Number(string word) => numbers.TryGetValue(word, out int known) ? known : numbers[word] = numbers.Count;
        }
        return new TerScore(length > 0 ? 100 * (edits / length) : edits > 0 ? 100 : 0, edits, length);
    }

    internal static MetricResult Score(MetricInput input, MetricSettings set)
    {
        TerScore score = Corpus(input, new TerOptions
        {
            Normalized = set.Flag("normalized"),
            NoPunctuation = set.Flag("no_punct"),
            AsianSupport = set.Flag("asian_support"),
            CaseSensitive = set.Flag("case_sensitive"),
        });
        return MetricResult.Of(score.Score, ("edits", score.Edits), ("reference_length", score.ReferenceLength));
    }

    private static int Edits(int[] candidate, int[] reference)
    {
        if (reference.Length == 0)
        {
            return candidate.Length;
        }
        EditDistance distance = new(reference);
        int shifts = 0, tried = 0;
        while (true)
        {
            (int gain, int[] shifted) = BestShift(candidate, reference, distance, ref tried);
            if (tried >= MostCandidates || gain <= 0)
            {
                return shifts + distance.Of(candidate).Distance;
            }
            shifts++;
            candidate = shifted;
        }
    }

    // The shift that gains most; of equal ones the longest, then the earliest, then the one to the earliest place.
    private static (int Gain, int[] Shifted) BestShift(int[] candidate, int[] reference, EditDistance distance, ref int tried)
    {
        (int before, string trace) = distance.Of(candidate);
        TerAlignment alignment = new(trace);
        (int Gain, int Length, int Start, int To)? best = null;
        int[] shifted = candidate;
        foreach ((int start, int at, int length) in Matches(candidate, reference))
        {
            // Only what is wrong here, and wanted there, and not wanted inside itself.
            if (!alignment.CandidateErrs(start, length) || !alignment.ReferenceErrs(at, length) || (alignment.Of(at) >= start && alignment.Of(at) < start + length))
            {
                continue;
            }
            int previous = -1;
            for (int offset = -1; offset < length; offset++)
            {
                if (at + offset >= alignment.ReferenceLength)
                {
                    break;
                }
                int to = at + offset == -1 ? 0 : alignment.Of(at + offset) + 1;
                if (to == previous)
                {
                    continue;
                }
                previous = to;
                int[] words = Shift(candidate, start, length, to);
                (int Gain, int Length, int Start, int To) found = (before - distance.Of(words).Distance, length, -start, -to);
                tried++;
                if (best is null || found.CompareTo(best.Value) > 0)
                {
                    (best, shifted) = (found, words);
                }
            }
            if (tried >= MostCandidates)
            {
                break;
            }
        }
        return (best?.Gain ?? 0, shifted);
    }

    private static IEnumerable<(int Start, int At, int Length)> Matches(int[] candidate, int[] reference)
    {
        for (int start = 0; start < candidate.Length; start++)
        {
            for (int at = Math.Max(0, start - FarthestShift); at < reference.Length && at <= start + FarthestShift; at++)
            {
                for (int length = 0; length < LongestShift && start + length < candidate.Length && at + length < reference.Length && candidate[start + length] == reference[at + length];)
                {
                    yield return (start, at, ++length);
                }
            }
        }
    }

    private static int[] Shift(int[] words, int start, int length, int to)
    {
        int end = start + length;
        return to < start ? [.. words[..to], .. words[start..end], .. words[to..start], .. words[end..]]
            : to > end ? [.. words[..start], .. words[end..to], .. words[start..end], .. words[to..]]
            : [.. words[..start], .. words[end..Math.Min(length + to, words.Length)], .. words[start..end], .. words[Math.Min(length + to, words.Length)..]];
    }
}
