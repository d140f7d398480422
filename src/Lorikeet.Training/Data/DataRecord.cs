namespace Lorikeet.Training;

/// <summary>A piece of a document's text.</summary>
/// <param name="Text">The text.</param>
/// <param name="Learn">Whether the model should learn to write it; false: it only reads it.</param>
public readonly record struct TextPart(string Text, bool Learn);

/// <summary>One document as it is read from a data file.</summary>
/// <param name="Parts">Its text in order.</param>
/// <param name="Whole">True for plain text, which may be cut anywhere; false for an exchange, whose beginning matters.</param>
public sealed record DataRecord(IReadOnlyList<TextPart> Parts, bool Whole);
