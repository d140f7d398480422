using System.Text;
using Lorikeet.Models.Text.PreTokenizers;

namespace Lorikeet.Models.Text.Decoders;

/// <summary>Replaces the matches of a pattern within each token.</summary>
internal sealed class ReplaceDecoder(WordPattern pattern, string content) : Decoder
{
    public override DecoderStage Start(DecoderStage next) =>
        pattern is LiteralPattern literal ? new LiteralStage(literal.Literal, content, next) : new PatternStage(pattern, content, next);

    private static string Replace(WordPattern pattern, string content, string token)
    {
        if (token.Length == 0)
        {
            return token;
        }
        List<(int Start, int End)> matches = [];
        pattern.Find(token, matches);
        if (matches.Count == 0)
        {
            return token;
        }
        StringBuilder text = new();
        int at = 0;
        foreach ((int start, int end) in matches)
        {
            text.Append(token, at, start - at).Append(content);
            at = end;
        }
        return text.Append(token, at, token.Length - at).ToString();
    }

    private sealed class PatternStage(WordPattern pattern, string content, DecoderStage next) : TokenStage(next)
    {
        protected override void Take(string token) => Next.Push(Replace(pattern, content, token), ends: true);
    }

    // Of a token that comes in parts only what may be the beginning of a match is held back.
    private sealed class LiteralStage(string literal, string content, DecoderStage next) : DecoderStage
    {
        private string held = "";

        public override void Push(string text, bool ends)
        {
            text = held + text;
            held = "";
            if (!ends)
            {
                int free = 0;
                for (int at = text.IndexOf(literal, StringComparison.Ordinal); at >= 0; at = text.IndexOf(literal, free, StringComparison.Ordinal))
                {
                    free = at + literal.Length;
                }
                int keep = Math.Max(free, text.Length - literal.Length + 1);
                held = text[keep..];
                text = text[..keep];
            }
            next.Push(text.Replace(literal, content, StringComparison.Ordinal), ends);
        }

        public override void Close() => next.Close();
    }
}
