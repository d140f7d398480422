namespace Lorikeet.Models.Text.PreTokenizers;

/// <summary>GPT-2's: cuts by its pattern, then writes each word as the stand-ins of its bytes.</summary>
internal sealed class ByteLevelPreTokenizer(bool addPrefixSpace, bool usePattern) : PreTokenizer
{
    public override void Apply(TextPiece piece)
    {
        if (addPrefixSpace)
        {
            piece.PrefixWords(" ", static (piece, start) => piece.Text[start] != ' ');
        }
        if (usePattern)
        {
            Splitting.Split(piece, Gpt2Pattern.Instance, SplitBehavior.Isolated, invert: false);
        }
        piece.ToByteAlphabet();
    }
}
