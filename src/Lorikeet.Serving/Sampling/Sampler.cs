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
    private readonly bool greedy;
    private readonly CounterRandom random;

    /// <summary>Prepares a sampler.</summary>
    /// <param name="options">The settings.</param>
    /// <param name="ends">The end tokens, for min_new_tokens and bad_words.</param>
    /// <exception cref="ArgumentException">A setting has a value it cannot have.</exception>
    public Sampler(SamplingOptions options, IReadOnlyList<int> ends)
    {
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(ends);
        options.Check();
        greedy = options.Temperature == 0;
        random = new CounterRandom(options.Seed).Named("sampling");
        processors = [.. Build(options, ends)];
    }

    /// <summary>The active processors in their order, by the names of Transformers' options.</summary>
    public IEnumerable<string> Steps => processors.Select(p => p.Name);

    /// <summary>True where the draw takes the best score and no processor changes the scores.</summary>
    public bool IsPlainGreedy => greedy && processors.Length == 0;

    /// <summary>Changes the model's scores into those that are drawn from; tokens that are ruled out get negative infinity.</summary>
    /// <param name="scores">[vocabulary].</param>
    /// <param name="tokens">Prompt and answer so far.</param>
    /// <param name="promptLength">How many of them are prompt.</param>
    /// <param name="scratch">Memory for this vocabulary.</param>
    public void Process(Span<float> scores, ReadOnlySpan<int> tokens, int promptLength, SamplingScratch scratch)
    {
        SamplingText text = new(tokens, promptLength, scratch);
        foreach (LogitsProcessor processor in processors)
        {
            processor.Apply(scores, text);
        }
    }

    /// <summary>Draws a token from processed scores.</summary>
    /// <param name="scores">[vocabulary].</param>
    /// <param name="position">The token's place in prompt and answer.</param>
    /// <param name="scratch">Memory for this vocabulary.</param>
    /// <returns>The token; -1 where the scores allow none (all ruled out) or are not numbers.</returns>
    public int Draw(ReadOnlySpan<float> scores, int position, SamplingScratch scratch)
    {
        ArgumentNullException.ThrowIfNull(scratch);
        int best = Reduce.ArgMax(scores);
        if (best < 0 || !float.IsFinite(scores[best]) || HasNaN(scores))
        {
            return -1;
        }
        if (greedy)
        {
            return best;
        }
        Span<float> probabilities = Probabilities.Of(scores, scratch);
        double total = 0;
        foreach (float p in probabilities)
        {
            total += p;
        }
        double left = random.Uniform((ulong)position) * total;
        for (int i = 0; i < probabilities.Length; i++)
        {
            left -= probabilities[i];
            if (left < 0)
            {
                return i;
            }
        }
        // The sum's own rounding can leave a crumb: the best is as good a token as any for it.
        return best;
    }

    private static bool HasNaN(ReadOnlySpan<float> scores)
    {
        bool any = false;
        foreach (float score in scores)
        {
            any |= float.IsNaN(score);
        }
        return any;
    }

    private static IEnumerable<LogitsProcessor> Build(SamplingOptions o, IReadOnlyList<int> ends)
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
        // A greedy choice is the same before and after the cuts.
        if (o.Temperature is not (0 or 1))
        {
            yield return new TemperatureProcessor(o.Temperature);
        }
        if (o.TopK > 0 && o.Temperature != 0)
        {
            yield return new TopKProcessor(o.TopK, o.MinTokensToKeep);
        }
        if (o.TopP < 1 && o.Temperature != 0)
        {
            yield return new TopPProcessor(o.TopP, o.MinTokensToKeep);
        }
        if (o.MinP > 0 && o.Temperature != 0)
        {
            yield return new MinPProcessor(o.MinP, o.MinTokensToKeep);
        }
        if (o.TypicalP < 1 && o.Temperature != 0)
        {
            yield return new TypicalProcessor(o.TypicalP, o.MinTokensToKeep);
        }
    }
}
