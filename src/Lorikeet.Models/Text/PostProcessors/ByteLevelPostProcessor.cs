using System.Runtime.InteropServices;
using Lorikeet.Models.Text.Unicode;

namespace Lorikeet.Models.Text.PostProcessors;

/// <summary>Moves offsets past the white space at a token's ends, where it was asked to.</summary>
internal sealed class ByteLevelPostProcessor(bool addPrefixSpace, bool trimOffsets) : PostProcessor
{
    private static readonly char Space = ByteAlphabet.ToChar((byte)' ');

    public override void Apply(List<List<TokenRow>> encodings, bool addSpecialTokens)
    {
        if (!trimOffsets)
        {
            return;
        }
        foreach (List<TokenRow> encoding in encodings)
        {
            Span<TokenRow> rows = CollectionsMarshal.AsSpan(encoding);
            for (int i = 0; i < rows.Length; i++)
            {
                Trim(ref rows[i], i == 0);
            }
        }
    }

    private void Trim(ref TokenRow row, bool first)
    {
        string? text = row.Text;
        if (text is null)
        {
            return;
        }
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
        if (leading > 0 && addPrefixSpace && (first || row.From == 0))
        {
            leading--;
        }
        row.From = Math.Min(row.From + leading, row.To);
        if (trailing > 0 && row.To >= trailing)
        {
            row.To = Math.Max(row.To - trailing, row.From);
        }
    }

    private static bool IsSpace(char c) => c == Space || char.IsWhiteSpace(c);
}
