using System.Runtime.InteropServices;
using Lorikeet.Models.Text.Unicode;

namespace Lorikeet.Models.Text.PostProcessors;

/// <summary>Moves offsets past the white space at a token's ends, where it was asked to.</summary>
internal sealed class ByteLevelPostProcessor(bool addPrefixSpace, bool trimOffsets) : PostProcessor
{
    private static readonly char Space = ByteAlphabet.ToChar((byte)' ');

    public override int Added(bool pair) => 0;

    public override void Apply(List<TokenList> encodings, bool addSpecialTokens)
    {
        if (!trimOffsets)
        {
            return;
        }
        foreach (TokenList encoding in encodings)
        {
            Span<TokenDetail> details = CollectionsMarshal.AsSpan(encoding.Details);
            for (int i = 0; i < details.Length; i++)
            {
                Trim(ref details[i], i == 0);
            }
        }
    }

    private void Trim(ref TokenDetail token, bool first)
    {
        string text = token.Text;
        int leading = 0;
        while (leading < text.Length && IsSpace(text[leading]))
        {
            leading++;
        }
        int trailing = 0;
        while (trailing < text.Length && IsSpace(text[^(trailing + 1)]))
        {
            trailing++;
        }
        // A prefix that was inserted takes no room in the text.
        if (leading == 1 && addPrefixSpace && (first || token.From == 0))
        {
            leading--;
        }
        token.From = Math.Min(token.From + leading, token.To);
        if (trailing > 0 && token.To >= trailing)
        {
            token.To = Math.Max(token.To - trailing, token.From);
        }
    }

    private static bool IsSpace(char c) => c == Space || char.IsWhiteSpace(c);
}
