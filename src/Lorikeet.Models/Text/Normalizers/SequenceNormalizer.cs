namespace Lorikeet.Models.Text.Normalizers;

/// <summary>Several normalizers, one after the other.</summary>
internal sealed class SequenceNormalizer(Normalizer[] parts) : Normalizer
{
    public override void Apply(TextPiece piece)
    {
        foreach (Normalizer part in parts)
        {
            part.Apply(piece);
        }
    }
}
