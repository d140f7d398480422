using System.Text;
using Lorikeet.Models.Text.Unicode;

namespace Lorikeet.Models.Text.PreTokenizers;

/// <summary><c>\w+|[^\w\s]+</c>: runs of word characters, runs of others that are no white space.</summary>
internal sealed class WordRunPattern : WordPattern
{
    public static readonly WordRunPattern Instance = new();

    public override void Find(ReadOnlySpan<char> text, List<(int Start, int End)> matches)
    {
        int start = 0, at = 0;
        int kind = -1;
        while (at < text.Length)
        {
            _ = Rune.DecodeFromUtf16(text[at..], out Rune rune, out int units);
            int next = CharacterClass.IsWord(rune) ? 1 : CharacterClass.IsSpace(rune.Value) ? 0 : 2;
            if (next != kind)
            {
                Add(kind, start, at);
                (kind, start) = (next, at);
            }
            at += units;
        }
        Add(kind, start, at);

        void Add(int run, int first, int last)
        {
            if (run > 0)
            {
                matches.Add((first, last));
            }
        }
    }
}
