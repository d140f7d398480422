using System.Text;

namespace Lorikeet.Models.Text.Normalizers;

/// <summary>Drops white space at the ends.</summary>
internal sealed class StripNormalizer(bool left, bool right) : Normalizer
{
    public override void Apply(TextPiece piece)
    {
        int start = left ? piece.Text.Length - piece.Text.TrimStart().Length : 0;
        int end = right ? Math.Max(start, piece.Text.TrimEnd().Length) : piece.Text.Length;
        if (start == 0 && end == piece.Text.Length)
        {
            return;
        }
        // White space has one unit a character.
        piece.Changes.Clear();
        foreach (Rune rune in piece.Text[start..end].EnumerateRunes())
        {
            piece.Changes.Add((rune.Value, 0));
        }
        piece.Transform(piece.Changes, start);
    }
}
