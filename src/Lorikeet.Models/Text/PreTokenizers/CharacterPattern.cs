using System.Text;

namespace Lorikeet.Models.Text.PreTokenizers;

/// <summary>Matches each single character that a test accepts.</summary>
internal sealed class CharacterPattern(Func<int, bool> accepts) : WordPattern
{
    private readonly bool[] basic = [.. Enumerable.Range(0, 0x100).Select(accepts)];

    public override void Find(ReadOnlySpan<char> text, List<(int Start, int End)> matches)
    {
        for (int at = 0; at < text.Length;)
        {
            char c = text[at];
            if (c < basic.Length)
            {
                if (basic[c])
                {
                    matches.Add((at, at + 1));
                }
                at++;
                continue;
            }
            _ = Rune.DecodeFromUtf16(text[at..], out Rune rune, out int units);
            if (accepts(rune.Value))
            {
                matches.Add((at, at + units));
            }
            at += units;
        }
    }
}
