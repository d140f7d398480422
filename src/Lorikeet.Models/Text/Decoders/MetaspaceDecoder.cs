namespace Lorikeet.Models.Text.Decoders;

/// <summary>Turns ▁ back into spaces; those of the first token are dropped where encoding puts one there.</summary>
internal sealed class MetaspaceDecoder(Metaspace rules) : Decoder
{
    public override DecoderStage Start(DecoderStage next) => new Stage(rules, next);

    private sealed class Stage(Metaspace rules, DecoderStage next) : TokenStage(next)
    {
        private bool started;

        protected override void Take(string token)
        {
            string space = started || rules.Scheme == PrependScheme.Never ? " " : "";
            started = true;
            Next.Push(token.Replace(rules.Replacement, space, StringComparison.Ordinal), ends: true);
        }
    }
}
