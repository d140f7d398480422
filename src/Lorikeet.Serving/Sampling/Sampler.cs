using Lorikeet.Kernels;
using Lorikeet.Tensors;

namespace Lorikeet.Serving;

/// <summary>Chooses the next token of one answer: processors in the order of Transformers, then a draw.</summary>
/// <remarks>
/// The order: biases, repetition, presence and frequency, n-grams, bad words, minimum length, suppressed tokens, temperature, top_k, top_p,
/// min_p, typical_p; each works on what the one before left. The token at a position is a function of seed, position and scores alone.
/// </remarks>
public sealed class Sampler
{
    private readonly LogitsProcessor[] processors;
    private readonly CutProcessor[] cuts;
    private readonly bool greedy;
    private readonly CounterRandom random;

    /// <summary>Prepares a sampler.</summary>
    /// <param name="options">The settings.</param>
    /// <param name="ends">The end tokens, for min_new_tokens and bad_words.</param>
    /// <param name="choice">Which of several answers to one prompt: each draws with random numbers of its own, answer 0 with those of a single one.</param>
    /// <exception cref="ArgumentException">A setting has a value it cannot have.</exception>
    public Sampler(SamplingOptions options, IReadOnlyList<int> ends, int choice = 0)
    {
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(ends);
        options.Check();
        greedy = options.Temperature == 0;
        random = new CounterRandom(options.Seed).Named("sampling");
        random = choice == 0 ? random : random.Named($"choice {choice}");
        processors = [.. Processors(options, ends)];
        // A greedy choice is the same before and after the cuts.
        cuts = greedy ? [] : [.. Cuts(options)];
    }

    /// <summary>The active processors in their order, by the names of Transformers' options.</summary>
    public IEnumerable<string> Steps => processors.Select(p => p.Name).Concat(cuts.Select(c => c.Name));

    /// <summary>Chooses the token that follows a text.</summary>
    /// <param name="scores">The model's scores, [vocabulary]; they are changed.</param>
    /// <param name="tokens">Prompt and answer so far; the token's position is their number, and <paramref name="before"/>.</param>
    /// <param name="promptLength">How many of them are prompt.</param>
    /// <param name="scratch">Memory for this vocabulary.</param>
    /// <param name="constraint">Rules tokens out before anything else does; null: none.</param>
    /// <param name="before">Places before the first of them that have no token: a prompt of vectors.</param>
    /// <returns>The token; -1 where the scores allow none: they are not finite, or all tokens are ruled out.</returns>
    public int Choose(Span<float> scores, ReadOnlySpan<int> tokens, int promptLength, SamplingScratch scratch, ITokenConstraint? constraint = null, int before = 0)
    {
        ArgumentNullException.ThrowIfNull(scratch);
        if (!Reduce.AllFinite(scores))
        {
            return -1;
        }
        constraint?.Mask(scores);
        Score(scores, tokens, promptLength, scratch);
        if (greedy)
        {
            int best = Reduce.ArgMax(scores);
            return best >= 0 && float.IsFinite(scores[best]) ? best : -1;
        }
        Cut(scores, scratch.Candidates);
        return Draw(scratch.Candidates, before + tokens.Length);
    }

    /// <summary>Changes the model's scores into those that are drawn from, as <see cref="Choose"/> does; tokens that are ruled out get negative infinity.</summary>
    /// <param name="scores">[vocabulary].</param>
    /// <param name="tokens">Prompt and answer so far.</param>
    /// <param name="promptLength">How many of them are prompt.</param>
    /// <param name="scratch">Memory for this vocabulary.</param>
    public void Process(Span<float> scores, ReadOnlySpan<int> tokens, int promptLength, SamplingScratch scratch)
    {
        ArgumentNullException.ThrowIfNull(scratch);
        Score(scores, tokens, promptLength, scratch);
        if (cuts.Length == 0)
        {
            return;
        }
        Candidates kept = scratch.Candidates;
        Cut(scores, kept);
        scores.Fill(float.NegativeInfinity);
        for (int i = 0; i < kept.Count; i++)
        {
            scores[kept.Ids[i]] = kept.Scores[i];
        }
    }

    private void Score(Span<float> scores, ReadOnlySpan<int> tokens, int promptLength, SamplingScratch scratch)
    {
        SamplingText text = new(tokens, promptLength, scratch);
        foreach (LogitsProcessor processor in processors)
        {
            processor.Apply(scores, text);
        }
    }

    private void Cut(ReadOnlySpan<float> scores, Candidates tokens)
    {
        tokens.Fill(scores, cuts.Length > 0 ? cuts[0].Floor(scores) : float.NegativeInfinity);
        foreach (CutProcessor cut in cuts)
        {
            cut.Apply(tokens);
        }
    }

    private int Draw(Candidates tokens, int position)
    {
        ReadOnlySpan<float> probabilities = tokens.Probabilities();
        double total = 0;
        foreach (float p in probabilities)
        {
            total += p;
        }
        // Processors can make scores that are no numbers of any that are: an infinite bias, a sum beyond the range of float.
        if (!(total > 0))
        {
            return -1;
        }
        double left = random.Uniform((ulong)position) * total;
        int last = -1;
        for (int i = 0; i < probabilities.Length; i++)
        {
            left -= probabilities[i];
            last = probabilities[i] > 0 ? i : last;
            if (left < 0)
            {
                break;
            }
        }
        return tokens.Ids[last];
    }

    private static IEnumerable<LogitsProcessor> Processors(SamplingOptions o, IReadOnlyList<int> ends)
    {
        if (o.LogitBias.Count + o.SequenceBiases.Count > 0)
        {
            yield return new BiasProcessor(o.LogitBias, o.SequenceBiases);
        }
        if (o.RepetitionPenalty != 1)
        {
            yield return new RepetitionProcessor(o.RepetitionPenalty);
        }
        if (o.PresencePenalty != 0 || o.FrequencyPenalty != 0)
        {
            yield return new PresenceProcessor(o.PresencePenalty, o.FrequencyPenalty);
        }
        if (o.NoRepeatNgramSize > 0)
        {
            yield return new NgramProcessor(o.NoRepeatNgramSize);
        }
        if (o.BadWords.Count > 0)
        {
            yield return BiasProcessor.BadWords(o.BadWords, ends);
        }
        if (o.MinNewTokens > 0)
        {
            yield return new MinimumProcessor(o.MinNewTokens, ends);
        }
        if (o.SuppressTokens.Count > 0)
        {
            yield return new SuppressProcessor(o.SuppressTokens);
        }
        if (o.Temperature is not (0 or 1))
        {
            yield return new TemperatureProcessor(o.Temperature);
        }
    }

    private static IEnumerable<CutProcessor> Cuts(SamplingOptions o)
    {
        if (o.TopK > 0)
        {
            yield return new TopKProcessor(o.TopK, o.MinTokensToKeep);
        }
        if (o.TopP < 1)
        {
            yield return new TopPProcessor(o.TopP, o.MinTokensToKeep);
        }
        if (o.MinP > 0)
        {
            yield return new MinPProcessor(o.MinP, o.MinTokensToKeep);
        }
        if (o.TypicalP < 1)
        {
            yield return new TypicalProcessor(o.TypicalP, o.MinTokensToKeep);
        }
    }
}
