using Lorikeet.Models.Text.Unicode;

namespace Lorikeet.Models.Text.Normalizers;

/// <summary>Drops all combining marks; letters with accents must have been decomposed before.</summary>
internal sealed class StripAccentsNormalizer : Normalizer
{
    public override void Apply(TextPiece piece)
    {
        if (!Composition.IsSimple(piece.Text))
        {
            piece.Filter(static c => !CharacterClass.IsMark(c));
        }
    }
}
