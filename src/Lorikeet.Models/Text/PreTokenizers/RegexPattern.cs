using Lorikeet.Models.Files;
using Lorikeet.Models.Text.Patterns;

namespace Lorikeet.Models.Text.PreTokenizers;

/// <summary>Any other regular expression, read as Oniguruma reads it, and bounded in steps.</summary>
internal sealed class RegexPattern : WordPattern
{
    private readonly PatternProgram program;
    private readonly string shown;

    private RegexPattern(PatternProgram program, string shown)
    {
        this.program = program;
        this.shown = shown;
    }

    /// <summary>Reads a pattern; null where that cannot be done, and the exception that says why in a part of a sentence.</summary>
    public static new RegexPattern? Make(string pattern, out Exception? problem)
    {
        const int MostLength = 10_000;
        string shown = BadFileException.Short(pattern);
        problem = null;
        try
        {
            return pattern.Length <= MostLength
                ? new RegexPattern(PatternCompiler.Compile(PatternParser.Parse(PipelineTokenizer.WellFormed(pattern))), shown)
                : throw new NotSupportedException($"is longer than {MostLength} characters");
        }
        catch (FormatException e)
        {
            problem = new BadFileException($"has the pattern {shown}, which {e.Message}.");
        }
        catch (NotSupportedException e)
        {
            problem = new NotSupportedException($"has the pattern {shown}, which {e.Message}.");
        }
        return null;
    }

    public override void Find(ReadOnlySpan<char> text, List<(int Start, int End)> matches)
    {
        Span<int> registers = program.Registers <= 64 ? stackalloc int[64] : new int[program.Registers];
        if (!new PatternMatcher(program, text, registers).FindAll(matches))
        {
            throw new BadFileException($"the tokenizer's pattern {shown} takes too long on this text; a pattern must run in about linear time.");
        }
    }
}
