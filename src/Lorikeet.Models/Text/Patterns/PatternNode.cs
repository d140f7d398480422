namespace Lorikeet.Models.Text.Patterns;

/// <summary>A part of a regular expression.</summary>
internal abstract record PatternNode
{
    /// <summary>One character of a set.</summary>
    public sealed record Set(CharacterSet Members) : PatternNode;

    /// <summary>One after the other; none: the empty text.</summary>
    public sealed record Sequence(IReadOnlyList<PatternNode> Parts) : PatternNode;

    /// <summary>The first that leads to a match.</summary>
    public sealed record Choice(IReadOnlyList<PatternNode> Options) : PatternNode;

    /// <summary>Again and again.</summary>
    public sealed record Repeat(PatternNode Body, int Least, int Most, bool Lazy) : PatternNode;

    /// <summary>Once matched, not tried another way: a possessive repetition too.</summary>
    public sealed record Atomic(PatternNode Body) : PatternNode;

    /// <summary>Looks without moving.</summary>
    public sealed record Look(PatternNode Body, bool Behind, bool Negative) : PatternNode;

    /// <summary>Remembers what it matched.</summary>
    public sealed record Group(PatternNode Body, int Number) : PatternNode;

    /// <summary>What a group matched, once more.</summary>
    public sealed record BackReference(int Number, bool IgnoreCase) : PatternNode;

    /// <summary>A place.</summary>
    public sealed record Anchor(AnchorKind Kind) : PatternNode;
}

/// <summary>A kind of place in a text.</summary>
internal enum AnchorKind
{
    /// <summary><c>^</c>: at the start, and behind a line feed that does not end the text.</summary>
    LineStart,

    /// <summary><c>$</c>: at the end, and before a line feed.</summary>
    LineEnd,

    /// <summary><c>\A</c>.</summary>
    TextStart,

    /// <summary><c>\z</c>.</summary>
    TextEnd,

    /// <summary><c>\Z</c>: at the end, and before a line feed that ends the text.</summary>
    TextEndOrLastLine,

    /// <summary><c>\b</c>.</summary>
    WordBoundary,

    /// <summary><c>\B</c>.</summary>
    NoWordBoundary,

    /// <summary><c>\G</c>: where the search began.</summary>
    SearchStart,
}
