namespace Lorikeet.Models.Text.Decoders;

/// <summary>Several decoders, one after the other.</summary>
internal sealed class SequenceDecoder(Decoder[] parts) : Decoder
{
    public override DecoderStage Start(DecoderStage next)
    {
        foreach (Decoder part in parts.Reverse())
        {
            next = part.Start(next);
        }
        return next;
    }
}
