namespace Lorikeet.Models.Text.PreTokenizers;

/// <summary>Several pre-tokenizers, each on the words of the one before.</summary>
internal sealed class SequencePreTokenizer(PreTokenizer[] parts) : PreTokenizer
{
    public override void Apply(TextPiece piece)
    {
        foreach (PreTokenizer part in parts)
        {
            piece.WriteBytes();
            part.Apply(piece);
        }
    }
}
