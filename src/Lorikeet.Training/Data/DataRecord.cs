namespace Lorikeet.Training;

/// <summary>A piece of a document's text.</summary>
/// <param name="Text">The text.</param>
/// <param name="Learn">Whether the model should learn to write it; false: it only reads it.</param>
public readonly record struct TextPart(string Text, bool Learn);

/// <summary>One document as it is read from a data file.</summary>
/// <param name="Parts">Its text in order.</param>
/// <param name="Whole">True for plain text, which may be cut anywhere; false for an exchange, whose beginning matters.</param>
public sealed record DataRecord(IReadOnlyList<TextPart> Parts, bool Whole)
{
    /// <summary>File and line, for messages.</summary>
    public string Where { get; init; } = "";

    /// <summary>The class of the text, or null.</summary>
    public string? Label { get; init; }

    /// <summary>The same exchange with the rejected answer in the chosen one's place, or null.</summary>
    public IReadOnlyList<TextPart>? Rejected { get; init; }

    /// <summary>True where a chat template laid the text out: its special tokens are part of it, and none are added.</summary>
    public bool Complete { get; init; }
}
