using System.Text;
using Lorikeet.Models.Text.Unicode;

namespace Lorikeet.Models.Text.PreTokenizers;

/// <summary>Cuts where the script of the characters changes; Hiragana and Katakana count as Han, a space goes with what is before it.</summary>
internal sealed class UnicodeScriptsPreTokenizer : PreTokenizer
{
    public override void Apply(TextPiece piece)
    {
        piece.NewWords.Clear();
        foreach ((int start, int end) in piece.Words)
        {
            // What stands before the first script belongs to no word, as in the reference.
            int first = -1, at = start;
            int last = Scripts.None;
            foreach (Rune rune in piece.Text[start..end].EnumerateRunes())
            {
                int script = ScriptOf(rune.Value);
                if (script != Scripts.Any)
                {
                    if (script != last && last != Scripts.Any)
                    {
                        Add(first, at);
                        first = at;
                    }
                    last = script;
                }
                at += rune.Utf16SequenceLength;
            }
            Add(first, end);
        }
        piece.TakeWords();

        void Add(int first, int last)
        {
            if (first >= 0 && last > first)
            {
                piece.NewWords.Add((first, last));
            }
        }
    }

    private static int ScriptOf(int codePoint)
    {
        int script = codePoint == 0x30FC ? Scripts.Han : codePoint == ' ' ? Scripts.Any : Scripts.Of(codePoint);
        return script == Scripts.Hiragana || script == Scripts.Katakana ? Scripts.Han : script;
    }
}
