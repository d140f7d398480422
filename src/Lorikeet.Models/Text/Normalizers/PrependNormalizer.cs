namespace Lorikeet.Models.Text.Normalizers;

/// <summary>Puts a text before a piece that is not empty.</summary>
internal sealed class PrependNormalizer(string prefix) : Normalizer
{
    public override void Apply(TextPiece piece) => piece.PrefixWords(prefix, static (_, _) => true);
}
