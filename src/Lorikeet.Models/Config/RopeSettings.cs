namespace Lorikeet.Models;

/// <summary>How the rotary angles are stretched for longer sequences.</summary>
public enum RopeKind
{
    /// <summary>Not at all.</summary>
    Default,

    /// <summary>All frequencies divided by the factor.</summary>
    Linear,

    /// <summary>A base that grows with the sequence beyond the trained length (NTK).</summary>
    Dynamic,

    /// <summary>Low frequencies divided by the factor, high ones kept, a ramp over wavelengths between.</summary>
    Llama3,

    /// <summary>A ramp over dimensions between divided and kept frequencies, and warmer attention.</summary>
    Yarn,

    /// <summary>A divisor for each frequency, one list up to the trained length and one beyond.</summary>
    LongRope,
}

/// <summary>Base and scaling of the rotary angles, as <c>rope_parameters</c> (or <c>rope_theta</c> and <c>rope_scaling</c>) give them.</summary>
public sealed record RopeSettings
{
    /// <summary>The base of the angles.</summary>
    public double Theta { get; init; } = 10_000;

    /// <summary>The kind of scaling.</summary>
    public RopeKind Kind { get; init; }

    /// <summary>How many times longer sequences become.</summary>
    public double Factor { get; init; } = 1;

    /// <summary>The trained length, in tokens: llama3, yarn and longrope; for dynamic, the length beyond which the base grows.</summary>
    public int OriginalPositions { get; init; }

    /// <summary>llama3: wavelengths above original / low are divided.</summary>
    public double LowFrequencyFactor { get; init; } = 1;

    /// <summary>llama3: wavelengths below original / high are kept.</summary>
    public double HighFrequencyFactor { get; init; } = 4;

    /// <summary>yarn: rotations over the trained length from which on a frequency is kept.</summary>
    public double BetaFast { get; init; } = 32;

    /// <summary>yarn: rotations over the trained length up to which a frequency is divided.</summary>
    public double BetaSlow { get; init; } = 1;

    /// <summary>yarn: the ends of the ramp are rounded outwards to whole dimensions.</summary>
    public bool Truncate { get; init; } = true;

    /// <summary>yarn and longrope: cosines and sines are multiplied by it; 1 elsewhere.</summary>
    public double AttentionFactor { get; init; } = 1;

    /// <summary>longrope: what each frequency is divided by in sequences up to the trained length.</summary>
    public IReadOnlyList<double> ShortFactors { get; init; } = [];

    /// <summary>longrope: what each frequency is divided by in longer sequences.</summary>
    public IReadOnlyList<double> LongFactors { get; init; } = [];

    /// <summary>The length beyond which the keys of shorter sequences no longer hold; 0: they always do.</summary>
    public int RestartBeyond => Kind == RopeKind.LongRope ? OriginalPositions : 0;

    /// <summary>The length up to which a key depends on its position alone: with dynamic scaling, later keys depend on the length at which they were made.</summary>
    public int SameUpTo => Kind == RopeKind.Dynamic ? OriginalPositions : int.MaxValue;

    /// <inheritdoc/>
    public bool Equals(RopeSettings? other) =>
        other is not null && Parts == other.Parts && ShortFactors.SequenceEqual(other.ShortFactors) && LongFactors.SequenceEqual(other.LongFactors);

    /// <inheritdoc/>
    public override int GetHashCode() => Parts.GetHashCode();

    private (double, RopeKind, double, int, double, double, double, double, bool, double) Parts =>
        (Theta, Kind, Factor, OriginalPositions, LowFrequencyFactor, HighFrequencyFactor, BetaFast, BetaSlow, Truncate, AttentionFactor);
}
