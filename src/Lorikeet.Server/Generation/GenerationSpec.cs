using Lorikeet.Serving;

namespace Lorikeet.Server;

/// <summary>What chat and completion requests ask for alike, read and checked.</summary>
internal sealed record GenerationSpec
{
    public required SamplingOptions Sampling { get; init; }

    public int Choices { get; init; } = 1;

    /// <summary>The most tokens of an answer; null: to the end of the context.</summary>
    public int? MaxTokens { get; init; }

    /// <summary>Whether <see cref="MaxTokens"/> came from the request.</summary>
    public bool AskedTokens { get; init; }

    public ulong Seed { get; init; }

    public bool SeedDrawn { get; init; }

    public IReadOnlyList<string> Stop { get; init; } = [];

    public IReadOnlyList<int> EndIds { get; init; } = [];

    public IReadOnlyList<int> StopIds { get; init; } = [];

    public bool IncludeStop { get; init; }

    public bool KeepSpecial { get; init; }

    public IReadOnlyList<int>? Allowed { get; init; }

    public int? PromptLogProbs { get; init; }

    public bool TokensAsIds { get; init; }

    public bool ReturnTokenIds { get; init; }

    public bool Stream { get; init; }

    public bool IncludeUsage { get; init; }

    public bool ContinuousUsage { get; init; }

    public int? Truncate { get; init; }

    public bool TruncateRight { get; init; }

    public string? Salt { get; init; }
}
