namespace Lorikeet.Models.Text.Normalizers;

/// <summary>Writes the text as the stand-ins of its UTF-8 bytes.</summary>
internal sealed class ByteLevelNormalizer : Normalizer
{
    public override void Apply(TextPiece piece)
    {
        piece.ToByteAlphabet();
        piece.WriteBytes();
    }
}
