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
            if (rune.Value == DottedI || Lower(rune) != rune.Value)
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
            piece.Changes.Add((Lower(rune), 0));
        }
        piece.Transform(piece.Changes);
    }

    // The reference knows the capitals of Unicode 17 already.
    private static int Lower(Rune rune) => rune.Value switch
    {
        0xA7CE or 0xA7D2 or 0xA7D4 => rune.Value + 1,
        >= 0x16EA0 and <= 0x16EB8 => rune.Value + 0x1B,
        _ => Rune.ToLowerInvariant(rune).Value,
    };
}
