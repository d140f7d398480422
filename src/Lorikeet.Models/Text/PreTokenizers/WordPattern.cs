using Lorikeet.Models.Files;

namespace Lorikeet.Models.Text.PreTokenizers;

/// <summary>Finds the matches of a pattern in a text.</summary>
internal abstract class WordPattern
{
    // Patterns of well-known tokenizers, by their exact text.
    private static readonly Dictionary<string, WordPattern> Known = new()
    {
        [Gpt2Pattern.Text] = Gpt2Pattern.Instance,
        [Cl100kPattern.TextOf("{1,3}")] = new Cl100kPattern(mostDigits: 3),
        [Cl100kPattern.TextOf("")] = new Cl100kPattern(mostDigits: 1),
    };

    /// <summary>Adds the matches, ascending and apart, as UTF-16 ranges; a regular expression may have empty ones.</summary>
    public abstract void Find(ReadOnlySpan<char> text, List<(int Start, int End)> matches);

    /// <summary>Makes the matcher of a <c>{"String": s}</c> or <c>{"Regex": r}</c> object.</summary>
    public static WordPattern Read(JsonPart part)
    {
        if (part.Text("String") is { Length: > 0 } literal)
        {
            return new LiteralPattern(literal);
        }
        string pattern = part.Text("Regex") ?? throw part.Bad("has neither a Regex nor a String; expected one of them.");
        return Make(pattern, out Exception? problem) ?? throw (problem is NotSupportedException ? part.Unsupported(problem.Message) : part.Bad(problem!.Message));
    }

    /// <summary>Makes the matcher of a regular expression.</summary>
    /// <returns>Null where it is broken or not supported; the exception's message is then part of a sentence.</returns>
    public static WordPattern? Make(string pattern, out Exception? problem)
    {
        problem = null;
        return Known.TryGetValue(pattern, out WordPattern? known) ? known : RegexPattern.Make(pattern, out problem);
    }
}
