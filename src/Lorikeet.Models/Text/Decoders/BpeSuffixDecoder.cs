namespace Lorikeet.Models.Text.Decoders;

/// <summary>Turns the mark of a word's end into a space; the last token's goes away.</summary>
internal sealed class BpeSuffixDecoder(string suffix) : Decoder
{
    public override DecoderStage Start(DecoderStage next) => new Stage(suffix, next);

    private sealed class Stage(string suffix, DecoderStage next) : TokenStage(next)
    {
        private string? held;

        protected override void Take(string token)
        {
            Release(" ");
            held = token;
        }

        protected override void Flush() => Release("");

        private void Release(string end)
        {
            if (held is not null)
            {
                Next.Push(suffix.Length == 0 ? held : held.Replace(suffix, end, StringComparison.Ordinal), ends: true);
            }
            held = null;
        }
    }
}
