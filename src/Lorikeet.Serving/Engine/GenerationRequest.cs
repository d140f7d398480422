using Lorikeet.Models;

namespace Lorikeet.Serving;

/// <summary>One request: a prompt, and one or more answers to it, or a vector of it.</summary>
public sealed record GenerationRequest
{
    /// <summary>The prompt's token ids; at least one, none where <see cref="Rows"/> are the prompt.</summary>
    public required IReadOnlyList<int> Prompt { get; init; }

    /// <summary>The prompt as vectors in place of token ids; null (default): it is <see cref="Prompt"/>. Penalties and guesses see no token of it.</summary>
    public PromptRows? Rows { get; init; }

    /// <summary>Tokens of the prompt, ids or vectors.</summary>
    public int PromptLength => Rows?.Count ?? Prompt.Count;

    /// <summary>An adapter that the caller holds; null: none, or those of <see cref="Adapters"/>. It must live until the request has ended.</summary>
    public Adapter? Adapter { get; init; }

    /// <summary>Adapters that the engine reads when it needs them, weighed and summed; one of weight 1 is that adapter. Default: none.</summary>
    public IReadOnlyList<AdapterShare> Adapters { get; init; } = [];

    /// <summary>What is asked for; default: answers.</summary>
    public Ask Ask { get; init; }

    /// <summary>How many answers; default 1. Answer i draws with the random numbers of (seed, i); all read the prompt's keys and values from the same pages.</summary>
    public int Choices { get; init; } = 1;

    /// <summary>The most tokens to generate; default 128. The model's longest sequence is a limit too. 0: the prompt is only scored.</summary>
    public int MaxTokens { get; init; } = 128;

    /// <summary>How tokens are chosen.</summary>
    public SamplingOptions Sampling { get; init; } = new();

    /// <summary>Makes the constraint of an answer by its number; called once an answer, on the engine's thread. Null: none.</summary>
    public Func<int, ITokenConstraint>? Constraint { get; init; }

    /// <summary>Texts that end the answer; they need an engine with a tokenizer.</summary>
    public IReadOnlyList<string> Stop { get; init; } = [];

    /// <summary>Whether the answer's text includes the stop text that ended it.</summary>
    public bool IncludeStop { get; init; }

    /// <summary>Token ids that end the answer; null: those of the model's configuration.</summary>
    public IReadOnlyList<int>? EndIds { get; init; }

    /// <summary>Whether special tokens are left out of the answer's text; default true.</summary>
    public bool SkipSpecialTokens { get; init; } = true;

    /// <summary>Whether each event brings the log-probability of its token, before sampling settings.</summary>
    public bool LogProbabilities { get; init; }

    /// <summary>How many of the likeliest tokens each event brings with their log-probabilities; default 0.</summary>
    public int TopLogProbabilities { get; init; }

    /// <summary>
    /// How many of the likeliest tokens the scores of the prompt bring at each place, beside the prompt's own; 0: its own alone. Null (default): the
    /// prompt is not scored.
    /// </summary>
    public int? PromptLogProbabilities { get; init; }

    /// <summary>Whose request it is: the fair queue counts by tenant, and prompts of two tenants never share keys and values.</summary>
    public string Tenant { get; init; } = "";

    /// <summary>The tenant's weight in the fair queue; above 0, default 1.</summary>
    public double TenantWeight { get; init; } = 1;

    /// <summary>Divides prompts that may share keys and values further.</summary>
    public string CacheSalt { get; init; } = "";

    /// <summary>The place in a queue of priorities, lower first.</summary>
    public int Priority { get; init; }

    /// <summary>The longest time from arrival to the end; what is not done then ends with <see cref="FinishReason.Expired"/>. Null: none.</summary>
    public TimeSpan? Deadline { get; init; }

    /// <summary>
    /// The longest time from arrival until it first runs: what waits longer ends with <see cref="FinishReason.Expired"/>, and nothing was computed for
    /// it. Null: none.
    /// </summary>
    public TimeSpan? StartWithin { get; init; }
}

/// <summary>What a request asks for.</summary>
public enum Ask
{
    /// <summary>Answers.</summary>
    Generate,

    /// <summary>The hidden state of the prompt's last token after the last norm.</summary>
    EmbedLast,

    /// <summary>The mean of the prompt's hidden states after the last norm.</summary>
    EmbedMean,

    /// <summary>The hidden state of the prompt's first token after the last norm.</summary>
    EmbedFirst,
}
