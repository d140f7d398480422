using Lorikeet.Models.Files;

namespace Lorikeet.Models.Text.PreTokenizers;

/// <summary>GPT-2's: cuts by its pattern, then writes each word as the stand-ins of its bytes.</summary>
internal sealed class ByteLevelPreTokenizer(bool addPrefixSpace, bool usePattern) : PreTokenizer
{
    public override void Apply(TextPiece piece)
    {
        if (piece.IsBytes)
        {
            // Each round may double the text.
            throw new BadFileException("the tokenizer's pre_tokenizer has ByteLevel twice; expected it once.");
        }
        if (addPrefixSpace)
        {
            piece.PrefixWords(' ');
        }
        if (usePattern)
        {
            Splitting.Split(piece, Gpt2Pattern.Instance, SplitBehavior.Isolated, invert: false);
        }
        piece.ToByteAlphabet();
    }
}
