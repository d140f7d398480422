using Lorikeet.Models.Text.Unicode;

namespace Lorikeet.Models.Text.Normalizers;

/// <summary>Canonical composition.</summary>
internal sealed class NfcNormalizer : Normalizer
{
    public override void Apply(TextPiece piece)
    {
        if (!Composition.IsStable(piece.Text))
        {
            piece.Transform(Composition.Compose(piece.Text));
        }
    }
}
