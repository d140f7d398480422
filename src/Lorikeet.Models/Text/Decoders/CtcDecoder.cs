namespace Lorikeet.Models.Text.Decoders;

/// <summary>For speech: repeated tokens are one, padding parts them and goes, the word's delimiter becomes a space.</summary>
/// <remarks>Graves and others: Connectionist Temporal Classification, 2006.</remarks>
internal sealed class CtcDecoder(string pad, string delimiter, bool cleanup) : Decoder
{
    public override DecoderStage Start(DecoderStage next) => new Stage(pad, delimiter, cleanup, next);

    private sealed class Stage(string pad, string delimiter, bool cleanup, DecoderStage next) : TokenStage(next)
    {
        private string? last;

        protected override void Take(string token)
        {
            if (token == last)
            {
                return;
            }
            last = token;
            string text = Without(token, pad, "");
            if (cleanup)
            {
                text = Without(WordPieceDecoder.CleanUp(text), delimiter, " ");
            }
            if (text.Length > 0)
            {
                Next.Push(text, ends: true);
            }
        }

        private static string Without(string text, string part, string instead) => part.Length == 0 ? text : text.Replace(part, instead, StringComparison.Ordinal);
    }
}
