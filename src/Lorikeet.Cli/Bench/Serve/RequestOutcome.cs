namespace Lorikeet.Cli.Bench;

/// <summary>What came of a request; times are seconds after the run's start.</summary>
internal sealed record RequestOutcome
{
    public required PlannedRequest Request { get; init; }

    /// <summary>When it was due: what waits count from, so that a generator that lags does not flatter the server.</summary>
    public double Due { get; init; }

    /// <summary>When it was sent.</summary>
    public double Sent { get; init; }

    /// <summary>When its first text came.</summary>
    public double First { get; init; }

    /// <summary>When its last text came.</summary>
    public double Last { get; init; }

    /// <summary>When it was over.</summary>
    public double End { get; init; }

    public int InputTokens { get; init; }

    public int OutputTokens { get; init; }

    /// <summary>Seconds between pieces of text.</summary>
    public IReadOnlyList<double> Gaps { get; init; } = [];

    /// <summary>All that the answer says, as a line of JSON; null: it was not kept.</summary>
    public string? Answer { get; init; }

    /// <summary>The kind of failure; null: it was answered.</summary>
    public string? Error { get; init; }

    /// <summary>Seconds to the first token.</summary>
    public double FirstToken => First - Due;

    /// <summary>Seconds to the end.</summary>
    public double Whole => End - Due;

    /// <summary>Seconds for each token after the first; not a number where there was one.</summary>
    public double PerToken => OutputTokens > 1 ? (Last - First) / (OutputTokens - 1) : double.NaN;
}
