namespace Lorikeet.Serving;

/// <summary>Rules out each token that would make a run of <paramref name="size"/> tokens occur a second time in prompt and answer.</summary>
internal sealed class NgramProcessor(int size) : LogitsProcessor
{
    public override string Name => "no_repeat_ngram_size";

    public override void Apply(Span<float> scores, in SamplingText text)
    {
        if (text.Tokens.Length + 1 < size)
        {
            return;
        }
        ReadOnlySpan<int> end = text.Tokens[^(size - 1)..];
        for (int i = 0; i + size <= text.Tokens.Length; i++)
        {
            if (text.Tokens.Slice(i, size - 1).SequenceEqual(end))
            {
                scores[text.Tokens[i + size - 1]] = float.NegativeInfinity;
            }
        }
    }
}

/// <summary>Rules out the end tokens while the answer is shorter than <paramref name="tokens"/>.</summary>
internal sealed class MinimumProcessor(int tokens, IReadOnlyList<int> ends) : LogitsProcessor
{
    private readonly int[] ends = [.. ends];

    public override string Name => "min_new_tokens";

    public override void Apply(Span<float> scores, in SamplingText text)
    {
        if (text.Generated.Length >= tokens)
        {
            return;
        }
        foreach (int end in ends)
        {
            if (end < scores.Length)
            {
                scores[end] = float.NegativeInfinity;
            }
        }
    }
}

/// <summary>Rules out tokens.</summary>
internal sealed class SuppressProcessor(IReadOnlyList<int> tokens) : LogitsProcessor
{
    private readonly int[] tokens = [.. tokens];

    public override string Name => "suppress_tokens";

    public override void Apply(Span<float> scores, in SamplingText text)
    {
        foreach (int token in tokens)
        {
            scores[token] = float.NegativeInfinity;
        }
    }
}
