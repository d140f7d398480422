namespace Lorikeet.Serving;

/// <summary>Why an answer ended.</summary>
public enum FinishReason
{
    /// <summary>It goes on.</summary>
    None,

    /// <summary>An end token or a stop text.</summary>
    Stop,

    /// <summary>The most tokens were generated.</summary>
    Length,

    /// <summary>It was cancelled.</summary>
    Cancelled,

    /// <summary>The scores allowed no token (all were ruled out, or an adapter or model gave what is no number), or <see cref="GenerationEvent.Error"/> says why.</summary>
    Failed,

    /// <summary>Its deadline passed.</summary>
    Expired,

    /// <summary>The prompt was scored, or its vector made: there is no answer.</summary>
    Done,
}

/// <summary>What a step brought for one answer.</summary>
/// <param name="Id">The request, as <see cref="Engine.Add"/> named it.</param>
/// <param name="Token">The token; -1 where the event brings none.</param>
/// <param name="Text">The text that became certain; empty without a tokenizer.</param>
/// <param name="Finish">Why the answer ended, or none.</param>
/// <param name="LogProbability">ln of the token's probability under the model; NaN unless asked for.</param>
/// <param name="StopText">The stop text that ended the answer, or null.</param>
public readonly record struct GenerationEvent(
    int Id, int Token, string Text, FinishReason Finish, float LogProbability = float.NaN, string? StopText = null)
{
    /// <summary>Which of the request's answers, from 0.</summary>
    public int Choice { get; init; }

    /// <summary>The likeliest tokens in the place of this one, likeliest first; null unless asked for.</summary>
    public IReadOnlyList<TokenScore>? Top { get; init; }

    /// <summary>The prompt's scores, with the first event of answer 0; null unless asked for.</summary>
    public PromptScores? PromptScores { get; init; }

    /// <summary>The prompt's vector, [hidden]; null unless asked for.</summary>
    public float[]? Embedding { get; init; }

    /// <summary>Why it failed, where it was not the scores; null else.</summary>
    public Exception? Error { get; init; }

    /// <summary>The request's figures, with its last event; null else.</summary>
    public RequestUsage? Usage { get; init; }
}

/// <summary>A token and its score.</summary>
/// <param name="Token">The token.</param>
/// <param name="LogProbability">ln of its probability under the model.</param>
/// <param name="Rank">1 + how many tokens are likelier.</param>
public readonly record struct TokenScore(int Token, float LogProbability, int Rank);

/// <summary>How likely the model finds a prompt.</summary>
/// <param name="Tokens">For each token but the first, its score after those before it; entry i is token i + 1.</param>
/// <param name="Top">The likeliest tokens in those places, likeliest first; empty lists where none were asked for.</param>
public sealed record PromptScores(IReadOnlyList<TokenScore> Tokens, IReadOnlyList<IReadOnlyList<TokenScore>> Top);

/// <summary>What a request took.</summary>
/// <param name="PromptTokens">Tokens of its prompt.</param>
/// <param name="CachedTokens">Those whose keys and values were there already.</param>
/// <param name="GeneratedTokens">Tokens of all its answers.</param>
/// <param name="Queued">From arrival until it first ran.</param>
/// <param name="ToFirstToken">From arrival to its first token; zero where there is none.</param>
/// <param name="Total">From arrival to its end.</param>
/// <param name="Preemptions">How often it gave its pages back and started over.</param>
public sealed record RequestUsage(
    int PromptTokens, int CachedTokens, int GeneratedTokens, TimeSpan Queued, TimeSpan ToFirstToken, TimeSpan Total, int Preemptions);
