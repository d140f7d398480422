namespace Lorikeet.Serving;

/// <summary>scores[t] += the sum of the biases of t: of tokens, and of runs whose other tokens end the text.</summary>
/// <remarks>As in Transformers, a run longer than the text so far does not count, even where its beginning is the whole text.</remarks>
internal sealed class BiasProcessor(IReadOnlyDictionary<int, double> tokens, IReadOnlyList<SequenceBias> runs, string name = "sequence_bias") : LogitsProcessor
{
    private readonly (int Token, float Bias)[] single =
    [
        .. tokens.Select(t => (t.Key, (float)t.Value)),
        .. runs.Where(r => r.Tokens.Count == 1).Select(r => (r.Tokens[0], (float)r.Bias)),
    ];

    private readonly (int[] Tokens, float Bias)[] longer = [.. runs.Where(r => r.Tokens.Count > 1).Select(r => (r.Tokens.ToArray(), (float)r.Bias))];

    public override string Name => name;

    public override void Apply(Span<float> scores, in SamplingText text)
    {
        foreach ((int token, float bias) in single)
        {
            scores[token] += bias;
        }
        foreach ((int[] run, float bias) in longer)
        {
            if (run.Length <= text.Tokens.Length && text.Tokens.EndsWith(run.AsSpan(0, run.Length - 1)))
            {
                scores[run[^1]] += bias;
            }
        }
    }

    /// <summary>Rules out runs of tokens; a run that is one end token is passed over.</summary>
    public static BiasProcessor BadWords(IReadOnlyList<IReadOnlyList<int>> words, IReadOnlyList<int> ends) => new(
        new Dictionary<int, double>(),
        [.. words.Where(w => w.Count > 1 || !ends.Contains(w[0])).Select(w => new SequenceBias(w, double.NegativeInfinity))],
        "bad_words_ids");
}
