namespace Lorikeet.Serving;

/// <summary>For each token of prompt and answer, once: scores[t] = scores[t] / penalty where positive, scores[t] * penalty where negative.</summary>
internal sealed class RepetitionProcessor(double penalty) : LogitsProcessor
{
    private readonly float penalty = (float)penalty;

    public override string Name => "repetition_penalty";

    public override void Apply(Span<float> scores, in SamplingText text)
    {
        int[] counts = text.Scratch.Counts;
        foreach (int token in text.Tokens)
        {
            if (counts[token]++ == 0)
            {
                scores[token] = scores[token] < 0 ? scores[token] * penalty : scores[token] / penalty;
            }
        }
        foreach (int token in text.Tokens)
        {
            counts[token] = 0;
        }
    }
}

/// <summary>scores[t] -= frequency * count(t) + presence where count(t) > 0, counts over the answer only.</summary>
internal sealed class PresenceProcessor(double presence, double frequency) : LogitsProcessor
{
    private readonly float presence = (float)presence;
    private readonly float frequency = (float)frequency;

    public override string Name => "presence_and_frequency_penalty";

    public override void Apply(Span<float> scores, in SamplingText text)
    {
        int[] counts = text.Scratch.Counts;
        foreach (int token in text.Generated)
        {
            counts[token]++;
        }
        foreach (int token in text.Generated)
        {
            if (counts[token] > 0)
            {
                scores[token] -= (frequency * counts[token]) + presence;
                counts[token] = 0;
            }
        }
    }
}
