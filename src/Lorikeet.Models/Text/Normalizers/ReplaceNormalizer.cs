using Lorikeet.Models.Text.PreTokenizers;

namespace Lorikeet.Models.Text.Normalizers;

/// <summary>Replaces the matches of a pattern.</summary>
internal sealed class ReplaceNormalizer(WordPattern pattern, string content) : Normalizer
{
    private readonly bool isInPlace = pattern is LiteralPattern { Literal.Length: 1 } && content.Length == 1;

    public override void Apply(TextPiece piece)
    {
        if (isInPlace)
        {
            piece.ReplaceInPlace(((LiteralPattern)pattern).Literal[0], content[0]);
            return;
        }
        piece.Matches.Clear();
        if (piece.Text.Length > 0)
        {
            pattern.Find(piece.Text, piece.Matches);
        }
        if (piece.Matches.Count > 0)
        {
            piece.Replace(piece.Matches, content);
        }
    }
}
