namespace Lorikeet.Models.Text.Decoders;

/// <summary>Joins pieces of words, puts spaces between words, and takes those away that tokenizing put before punctuation.</summary>
internal sealed class WordPieceDecoder(string prefix, bool cleanup) : Decoder
{
    private static readonly (string From, string To)[] Rules =
    [
        (" .", "."), (" ?", "?"), (" !", "!"), (" ,", ","), (" ' ", "'"), (" n't", "n't"), (" 'm", "'m"), (" do not", " don't"), (" 's", "'s"), (" 've", "'ve"), (" 're", "'re"),
    ];

    public override DecoderStage Start(DecoderStage next) => new Stage(prefix, cleanup, next);

    /// <summary>The rules, one after the other, on one token.</summary>
    public static string CleanUp(string token)
    {
        foreach ((string from, string to) in Rules)
        {
            token = token.Replace(from, to, StringComparison.Ordinal);
        }
        return token;
    }

    private sealed class Stage(string prefix, bool cleanup, DecoderStage next) : TokenStage(next)
    {
        private bool started;

        protected override void Take(string token)
        {
            if (started)
            {
                token = token.StartsWith(prefix, StringComparison.Ordinal) ? token[prefix.Length..] : " " + token;
            }
            started = true;
            Next.Push(cleanup ? CleanUp(token) : token, ends: true);
        }
    }
}
