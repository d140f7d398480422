using Lorikeet.Models;

namespace Lorikeet.Serving;

/// <summary>One answer to generate.</summary>
public sealed record GenerationRequest
{
    /// <summary>The prompt's token ids; at least one.</summary>
    public required IReadOnlyList<int> Prompt { get; init; }

    /// <summary>The adapter it runs with; null: the bare model. It must live until the request has ended.</summary>
    public Adapter? Adapter { get; init; }

    /// <summary>The most tokens to generate; default 128. The model's longest sequence is a limit too.</summary>
    public int MaxTokens { get; init; } = 128;

    /// <summary>How tokens are chosen.</summary>
    public SamplingOptions Sampling { get; init; } = new();

    /// <summary>Texts that end the answer; they need an engine with a tokenizer.</summary>
    public IReadOnlyList<string> Stop { get; init; } = [];

    /// <summary>Whether the answer's text includes the stop text that ended it.</summary>
    public bool IncludeStop { get; init; }

    /// <summary>Token ids that end the answer; null: those of the model's configuration.</summary>
    public IReadOnlyList<int>? EndIds { get; init; }

    /// <summary>Whether each event brings the log-probability of its token, before sampling settings.</summary>
    public bool LogProbabilities { get; init; }
}
