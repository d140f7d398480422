namespace Lorikeet.Models.Text.Decoders;

/// <summary>Makes one token of all.</summary>
internal sealed class FuseDecoder : Decoder
{
    public override DecoderStage Start(DecoderStage next) => new Stage(next);

    private sealed class Stage(DecoderStage next) : DecoderStage
    {
        public override void Push(string text, bool ends) => next.Push(text, ends: false);

        public override void Close()
        {
            next.Push("", ends: true);
            next.Close();
        }
    }
}
