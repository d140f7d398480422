using System.Text;

namespace Lorikeet.Models.Text.Normalizers;

/// <summary>Small letters, character by character: a final sigma is σ, and U+0130 becomes two characters.</summary>
internal sealed class LowercaseNormalizer : Normalizer
{
    private const int DottedI = 0x130, DotAbove = 0x307;

    public override void Apply(TextPiece piece)
    {
        bool changes = false;
        foreach (Rune rune in piece.Text.EnumerateRunes())
        {
            if (rune.Value == DottedI || Rune.ToLowerInvariant(rune) != rune)
            {
                changes = true;
                break;
            }
        }
        if (!changes)
        {
            return;
        }
        piece.Changes.Clear();
        foreach (Rune rune in piece.Text.EnumerateRunes())
        {
            if (rune.Value == DottedI)
            {
                piece.Changes.Add(('i', 0));
                piece.Changes.Add((DotAbove, 1));
                continue;
            }
            piece.Changes.Add((Rune.ToLowerInvariant(rune).Value, 0));
        }
        piece.Transform(piece.Changes);
    }
}
