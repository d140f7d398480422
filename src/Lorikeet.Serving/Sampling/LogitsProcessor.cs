namespace Lorikeet.Serving;

/// <summary>One step from the model's scores to those that are drawn from. A token that is ruled out has the score negative infinity.</summary>
internal abstract class LogitsProcessor
{
    /// <summary>The option it comes from, as Transformers spells it.</summary>
    public abstract string Name { get; }

    /// <summary>Changes the scores.</summary>
    /// <param name="scores">[vocabulary].</param>
    /// <param name="text">The text so far, and memory to work in.</param>
    public abstract void Apply(Span<float> scores, in SamplingText text);
}

/// <summary>What a processor may look at.</summary>
/// <param name="tokens">Prompt and answer so far.</param>
/// <param name="promptLength">How many of them are prompt.</param>
/// <param name="scratch">Memory to work in.</param>
internal readonly ref struct SamplingText(ReadOnlySpan<int> tokens, int promptLength, SamplingScratch scratch)
{
    public ReadOnlySpan<int> Tokens { get; } = tokens;

    public ReadOnlySpan<int> Generated => Tokens[promptLength..];

    public SamplingScratch Scratch { get; } = scratch;
}
