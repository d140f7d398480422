using Lorikeet.Models.Text.Unicode;

namespace Lorikeet.Models.Text.Normalizers;

/// <summary>One of Unicode's normal forms.</summary>
internal sealed class UnicodeNormalizer(bool compatible, bool compose) : Normalizer
{
    public override void Apply(TextPiece piece)
    {
        if (compose && !compatible ? Composition.IsStable(piece.Text) : Composition.IsSimple(piece.Text))
        {
            return;
        }
        Composition.Normalize(piece.Text, compatible, compose, piece.Changes);
        piece.Transform(piece.Changes);
    }
}
