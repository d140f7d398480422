namespace Lorikeet.Models.Text.PreTokenizers;

/// <summary>Cuts at the matches of a pattern.</summary>
internal sealed class SplitPreTokenizer(WordPattern pattern, SplitBehavior behavior, bool invert = false) : PreTokenizer
{
    public static SplitPreTokenizer ReadSplit(JsonPart part) =>
        new(WordPattern.Read(part.Get("pattern")), ReadBehavior(part, null), part.Flag("invert", false));

    /// <summary>The member <c>behavior</c>.</summary>
    public static SplitBehavior ReadBehavior(JsonPart part, SplitBehavior? otherwise)
    {
        string? behavior = part.Text("behavior");
        // Enum.TryParse would take numbers too.
        return behavior is null && otherwise is { } known ? known
            : Enum.GetNames<SplitBehavior>().Contains(behavior) ? Enum.Parse<SplitBehavior>(behavior!)
            : throw part.Bad($"has the behavior '{behavior}'; expected one of {string.Join(", ", Enum.GetNames<SplitBehavior>())}.");
    }

    public override void Apply(TextPiece piece) => Splitting.Split(piece, pattern, behavior, invert);
}
