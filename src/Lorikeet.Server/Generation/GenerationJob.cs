namespace Lorikeet.Server;

/// <summary>A request for text, read and checked: what all routes have.</summary>
internal abstract record GenerationJob
{
    /// <summary>The model's name as the answer repeats it.</summary>
    public required string Echo { get; init; }

    public required AdapterBinding Adapter { get; init; }

    public required GenerationSpec Spec { get; init; }

    /// <summary>The most tokens of each answer.</summary>
    public int MaxTokens { get; init; }

    /// <summary>Likeliest tokens at each place; -1: no log-probabilities.</summary>
    public int Top { get; init; } = -1;

    public TokenConstraint? Constraint { get; init; }

    public TimeLimit Deadline { get; init; }

    /// <summary>Tokens of all prompts.</summary>
    public abstract long PromptTokens { get; }
}
