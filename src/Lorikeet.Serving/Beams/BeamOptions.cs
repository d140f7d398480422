namespace Lorikeet.Serving;

/// <summary>When a beam search that has as many finished answers as beams stops.</summary>
public enum BeamStop
{
    /// <summary>When no running beam, scored at its present length, is better than the worst finished answer.</summary>
    NoneBetter,

    /// <summary>At once.</summary>
    AtOnce,

    /// <summary>When no running beam, scored at the greatest length where that helps it, is better than the worst finished answer.</summary>
    NoneCanBeBetter,
}

/// <summary>How a beam search runs.</summary>
public sealed record BeamOptions
{
    /// <summary>Answers that are followed at once, and that come out; default 4.</summary>
    public int Beams { get; init; } = 4;

    /// <summary>Answers are ordered by the sum of their log-probabilities / length^LengthPenalty; default 1.</summary>
    public double LengthPenalty { get; init; } = 1;

    /// <summary>When to stop early.</summary>
    public BeamStop Stop { get; init; } = BeamStop.NoneBetter;

    /// <summary>The most tokens of an answer, its end token included; default 128.</summary>
    public int MaxTokens { get; init; } = 128;

    /// <summary>Token ids that end an answer; null: those of the model's configuration.</summary>
    public IReadOnlyList<int>? EndIds { get; init; }

    /// <summary>Settings that change log-probabilities before they are compared; temperature must be 1.</summary>
    public SamplingOptions Sampling { get; init; } = new();
}

/// <summary>An answer that a beam search found.</summary>
/// <param name="Tokens">Its tokens, with the end token where it met one.</param>
/// <param name="Score">Sum of log-probabilities / length^LengthPenalty; the length counts the end token.</param>
public sealed record BeamAnswer(IReadOnlyList<int> Tokens, double Score);
