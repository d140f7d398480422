using Lorikeet.Models.Text.Unicode;

namespace Lorikeet.Models.Text.PreTokenizers;

/// <summary>GPT-2's pattern, matched by hand: linear in the text, and by code point where a UTF-16 regular expression misses letters above U+FFFF.</summary>
internal sealed class Gpt2Pattern : WordPattern
{
    /// <summary>The pattern as tokenizer.json writes it.</summary>
    public const string Text = @"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+";

    public static readonly Gpt2Pattern Instance = new();

    public override void Find(ReadOnlySpan<char> text, List<(int Start, int End)> matches)
    {
        for (int at = 0; at < text.Length;)
        {
            int end = End(text, at);
            matches.Add((at, end));
            at = end;
        }
    }

    /// <summary>The end of a run of one kind.</summary>
    public static int RunEnd(ReadOnlySpan<char> text, int at, CharacterKind kind)
    {
        while (at < text.Length && CharacterClass.At(text, at, out int units) == kind)
        {
            at += units;
        }
        return at;
    }

    /// <summary><c>\s+(?!\S)|\s+</c> from white space on: all of it at the end of the text, else all but the last, and at least one.</summary>
    public static int SpaceEnd(ReadOnlySpan<char> text, int at)
    {
        int end = RunEnd(text, at, CharacterKind.Space);
        return end == text.Length || end - at == 1 ? end : end - 1;
    }

    private static int End(ReadOnlySpan<char> text, int at)
    {
        if (text[at] == '\'' && Contraction(text[(at + 1)..]) is > 0 and int length)
        {
            return at + 1 + length;
        }
        int first = at;
        CharacterKind kind = CharacterClass.At(text, first, out _);
        if (text[at] == ' ' && at + 1 < text.Length)
        {
            first = at + 1;
            kind = CharacterClass.At(text, first, out _);
        }
        return kind == CharacterKind.Space ? SpaceEnd(text, at) : RunEnd(text, first, kind);
    }

    private static int Contraction(ReadOnlySpan<char> rest) =>
        rest.StartsWith("re") || rest.StartsWith("ve") || rest.StartsWith("ll") ? 2 : rest is ['s' or 't' or 'm' or 'd', ..] ? 1 : 0;
}
