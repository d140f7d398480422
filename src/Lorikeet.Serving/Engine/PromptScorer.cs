namespace Lorikeet.Serving;

/// <summary>Collects how likely the model finds a prompt's tokens, chunk by chunk.</summary>
internal sealed class PromptScorer(int promptLength, int top)
{
    /// <summary>Rows of a chunk: each needs a row of logits.</summary>
    public const int MostRows = 64;

    private readonly List<TokenScore> tokens = [];
    private readonly List<IReadOnlyList<TokenScore>> tops = [];

    /// <summary>True once every token but the first has its score.</summary>
    public bool IsComplete => tokens.Count >= promptLength - 1;

    /// <summary>Takes the logits at a position, which score the token after it.</summary>
    /// <param name="position">The position.</param>
    /// <param name="next">The token after it.</param>
    /// <param name="logits">[vocabulary].</param>
    public void Take(int position, int next, ReadOnlySpan<float> logits)
    {
        // After a preemption the first ones come again.
        if (position != tokens.Count || IsComplete)
        {
            return;
        }
        float logSum = TokenScores.LogSum(logits);
        tokens.Add(TokenScores.Of(logits, logSum, next));
        tops.Add(TokenScores.Top(logits, logSum, top));
    }

    public PromptScores Result() => new(tokens, tops);
}
