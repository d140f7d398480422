using System.Text;
using Lorikeet.Models.Text.Unicode;

namespace Lorikeet.Models.Text.PreTokenizers;

/// <summary>Cuts digits from everything else: each alone, or runs of them.</summary>
internal sealed class DigitsPreTokenizer(bool individual) : PreTokenizer
{
    private static readonly OneDigit Pattern = new();

    public override void Apply(TextPiece piece) =>
        Splitting.Split(piece, Pattern, individual ? SplitBehavior.Isolated : SplitBehavior.Contiguous, invert: false);

    private sealed class OneDigit : WordPattern
    {
        public override void Find(ReadOnlySpan<char> text, List<(int Start, int End)> matches)
        {
            int at = 0;
            foreach (Rune rune in text.EnumerateRunes())
            {
                if (CharacterClass.IsDigit(rune.Value))
                {
                    matches.Add((at, at + rune.Utf16SequenceLength));
                }
                at += rune.Utf16SequenceLength;
            }
        }
    }
}
