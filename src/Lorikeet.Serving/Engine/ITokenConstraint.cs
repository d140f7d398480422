namespace Lorikeet.Serving;

/// <summary>What an answer may consist of: a grammar, a schema, a list of choices. One object serves one answer, on the engine's thread.</summary>
public interface ITokenConstraint
{
    /// <summary>Rules tokens out: sets the scores of those that must not come next to negative infinity, and leaves the others.</summary>
    /// <param name="scores">The model's scores, [vocabulary].</param>
    void Mask(Span<float> scores);

    /// <summary>Takes note of the token that was chosen; each of the answer's tokens comes once, in order.</summary>
    /// <param name="token">The token.</param>
    void Accept(int token);
}
