using Lorikeet.Models.Text.Unicode;

namespace Lorikeet.Models.Text.PreTokenizers;

/// <summary>The pattern of cl100k and Llama 3 (up to three digits a word) and of Qwen2 (one), matched by hand; see <see cref="Gpt2Pattern"/>.</summary>
internal sealed class Cl100kPattern(int mostDigits) : WordPattern
{
    /// <summary>The pattern as tokenizer.json writes it.</summary>
    /// <param name="digits">The repetition of its digits: <c>{1,3}</c> or nothing.</param>
    public static string TextOf(string digits) =>
        @"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}" + digits + @"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";

    public override void Find(ReadOnlySpan<char> text, List<(int Start, int End)> matches)
    {
        for (int at = 0; at < text.Length;)
        {
            int end = End(text, at);
            matches.Add((at, end));
            at = end;
        }
    }

    private int End(ReadOnlySpan<char> text, int at)
    {
        if (text[at] == '\'' && Contraction(text[(at + 1)..]) is > 0 and int length)
        {
            return at + 1 + length;
        }
        CharacterKind kind = CharacterClass.At(text, at, out int units);
        int next = at + units;
        if (kind == CharacterKind.Letter)
        {
            return Gpt2Pattern.RunEnd(text, next, kind);
        }
        if (kind == CharacterKind.Number)
        {
            for (int count = 1; count < mostDigits && next < text.Length && CharacterClass.At(text, next, out units) == kind; count++)
            {
                next += units;
            }
            return next;
        }
        CharacterKind following = next < text.Length ? CharacterClass.At(text, next, out _) : CharacterKind.Space;
        if (following == CharacterKind.Letter && text[at] is not ('\r' or '\n'))
        {
            return Gpt2Pattern.RunEnd(text, next, following);
        }
        if (kind == CharacterKind.Other || (text[at] == ' ' && following == CharacterKind.Other))
        {
            int end = Gpt2Pattern.RunEnd(text, next, CharacterKind.Other);
            while (end < text.Length && text[end] is ('\r' or '\n'))
            {
                end++;
            }
            return end;
        }
        // White space up to its last line break, if it has one.
        int spaces = Gpt2Pattern.RunEnd(text, at, CharacterKind.Space);
        int lineBreak = text[at..spaces].LastIndexOfAny('\r', '\n');
        return lineBreak >= 0 ? at + lineBreak + 1 : Gpt2Pattern.SpaceEnd(text, at);
    }

    // Case-insensitive by Unicode's simple folding: the long s (U+017F) is an s too.
    private static int Contraction(ReadOnlySpan<char> rest)
    {
        if (rest.StartsWith("re", StringComparison.OrdinalIgnoreCase) || rest.StartsWith("ve", StringComparison.OrdinalIgnoreCase)
            || rest.StartsWith("ll", StringComparison.OrdinalIgnoreCase))
        {
            return 2;
        }
        return rest is ['s' or 'S' or '\u017F' or 't' or 'T' or 'm' or 'M' or 'd' or 'D', ..] ? 1 : 0;
    }
}
