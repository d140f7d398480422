namespace Lorikeet.Models.Text.PreTokenizers;

/// <summary>Cuts at the matches of a pattern.</summary>
internal sealed class SplitPreTokenizer(WordPattern pattern, SplitBehavior behavior, bool invert) : PreTokenizer
{
    public static SplitPreTokenizer ReadSplit(JsonPart part)
    {
        string behavior = part.Text("behavior") ?? "";
        // Enum.TryParse would take numbers too.
        return Enum.GetNames<SplitBehavior>().Contains(behavior)
            ? new SplitPreTokenizer(WordPattern.Read(part.Get("pattern")), Enum.Parse<SplitBehavior>(behavior), part.Flag("invert", false))
            : throw part.Bad($"has the behavior '{behavior}'; expected one of {string.Join(", ", Enum.GetNames<SplitBehavior>())}.");
    }

    public override void Apply(TextPiece piece) => Splitting.Split(piece, pattern, behavior, invert);
}
