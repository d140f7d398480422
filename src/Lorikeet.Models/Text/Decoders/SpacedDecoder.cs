namespace Lorikeet.Models.Text.Decoders;

/// <summary>What a tokenizer without a decoder does: tokens with a space between.</summary>
internal sealed class SpacedDecoder : Decoder
{
    public override DecoderStream Start() => new Stream();

    private sealed class Stream : DecoderStream
    {
        private bool started;

        public override string Push(string token)
        {
            string text = started ? " " + token : token;
            started = true;
            return text;
        }

        public override string Close() => "";
    }
}
