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

    /// <summary>The scores allowed no token: all were ruled out, or an adapter or model gave what is no number.</summary>
    Failed,
}

/// <summary>What a step brought for one answer.</summary>
/// <param name="Id">The request, as <see cref="Engine.Add"/> named it.</param>
/// <param name="Token">The token; -1 where the event only ends the answer.</param>
/// <param name="Text">The text that became certain; empty without a tokenizer.</param>
/// <param name="Finish">Why the answer ended, or none.</param>
/// <param name="LogProbability">ln of the token's probability under the model; NaN unless asked for.</param>
/// <param name="StopText">The stop text that ended the answer, or null.</param>
public readonly record struct GenerationEvent(
    int Id, int Token, string Text, FinishReason Finish, float LogProbability = float.NaN, string? StopText = null);
