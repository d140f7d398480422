namespace Lorikeet.Models.Text.PreTokenizers;

/// <summary>Matches one string.</summary>
internal sealed class LiteralPattern(string literal) : WordPattern
{
    /// <summary>What it matches.</summary>
    public string Literal => literal;

    public override void Find(ReadOnlySpan<char> text, List<(int Start, int End)> matches)
    {
        int at = 0;
        while (text[at..].IndexOf(literal, StringComparison.Ordinal) is >= 0 and int next)
        {
            matches.Add((at + next, at + next + literal.Length));
            at += next + literal.Length;
        }
    }
}
