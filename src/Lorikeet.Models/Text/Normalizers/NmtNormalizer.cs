namespace Lorikeet.Models.Text.Normalizers;

/// <summary>SentencePiece's first step for translation: control characters go, odd white space becomes a space.</summary>
internal sealed class NmtNormalizer : Normalizer
{
    public override void Apply(TextPiece piece)
    {
        piece.Filter(static c => c is not ((>= 1 and <= 8) or 0x0B or (>= 0x0E and <= 0x1F) or 0x7F or 0x8F or 0x9F));
        ReadOnlySpan<char> spaces = "\t\n\f\r\u1680\u200B\u200C\u200D\u200E\u200F\u2028\u2029\u2581\uFEFF\uFFFD";
        foreach (char space in spaces)
        {
            piece.ReplaceInPlace(space, ' ');
        }
    }
}
