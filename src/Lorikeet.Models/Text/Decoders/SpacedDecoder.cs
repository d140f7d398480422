namespace Lorikeet.Models.Text.Decoders;

/// <summary>What a tokenizer without a decoder does: tokens with a space between.</summary>
internal sealed class SpacedDecoder : Decoder
{
    public override DecoderStage Start(DecoderStage next) => new Stage(next);

    private sealed class Stage(DecoderStage next) : TokenStage(next)
    {
        private bool started;

        protected override void Take(string token)
        {
            Next.Push(started ? " " + token : token, ends: true);
            started = true;
        }
    }
}
