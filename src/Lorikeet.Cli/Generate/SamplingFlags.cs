using System.CommandLine;
using Lorikeet.Models;
using Lorikeet.Serving;

namespace Lorikeet.Cli.Generate;

/// <summary>The options of a command that say how tokens are chosen; what is not given is the model's own suggestion, or changes nothing.</summary>
internal static class SamplingFlags
{
    private static readonly Option<int> MinTokens = new("--min-tokens") { Description = "No end before so many tokens" };
    private static readonly Option<double?> Temperature = new("--temperature")
    {
        Description = "0: always the likeliest token; 1: the model's own distribution. Without it: what the model's generation_config.json suggests, else 0",
    };
    private static readonly Option<int?> TopK = new("--top-k") { Description = "Only the k likeliest tokens; 0: all" };
    private static readonly Option<double?> TopP = new("--top-p") { Description = "Only the likeliest tokens of this total probability" };
    private static readonly Option<double?> MinP = new("--min-p") { Description = "Only tokens this share as likely as the likeliest" };
    private static readonly Option<double?> TypicalP = new("--typical-p") { Description = "Only the most typical tokens of this total probability" };
    private static readonly Option<double?> Repetition = new("--repetition-penalty") { Description = "Above 1: tokens that occurred are less likely" };
    private static readonly Option<int> Ngram = new("--no-repeat-ngram") { Description = "No run of so many tokens twice; 0: off" };
    private static readonly Option<ulong> Seed = new("--seed") { Description = "Equal seeds give equal answers, in any batch" };

    /// <summary>All of them.</summary>
    public static IReadOnlyList<Option> All { get; } = [MinTokens, Temperature, TopK, TopP, MinP, TypicalP, Repetition, Ngram, Seed];

    /// <summary>Reads them.</summary>
    /// <param name="parsed">The command line, which wins.</param>
    /// <param name="suggested">What the model suggests; null: nothing.</param>
    /// <exception cref="UsageException">A value it cannot have.</exception>
    public static SamplingOptions Read(ParseResult parsed, GenerationSettings? suggested = null)
    {
        SamplingOptions sampling = new()
        {
            Temperature = parsed.GetValue(Temperature) ?? (suggested?.Sample == true ? suggested.Temperature ?? 1 : 0),
            TopK = parsed.GetValue(TopK) ?? suggested?.TopK ?? 0,
            TopP = parsed.GetValue(TopP) ?? suggested?.TopP ?? 1,
            MinP = parsed.GetValue(MinP) ?? suggested?.MinP ?? 0,
            TypicalP = parsed.GetValue(TypicalP) ?? 1,
            RepetitionPenalty = parsed.GetValue(Repetition) ?? suggested?.RepetitionPenalty ?? 1,
            NoRepeatNgramSize = parsed.GetValue(Ngram),
            MinNewTokens = parsed.GetValue(MinTokens),
            Seed = parsed.GetValue(Seed),
        };
        try
        {
            sampling.Check();
        }
        catch (ArgumentException e)
        {
            throw new UsageException(e.Message);
        }
        return sampling;
    }

    /// <summary>The settings of a beam search, which compares the model's own scores: nothing is drawn, whatever the model suggests.</summary>
    /// <param name="parsed">The command line.</param>
    /// <param name="suggested">What the model suggests; null: nothing.</param>
    /// <exception cref="UsageException">An option that only drawing has.</exception>
    public static SamplingOptions ReadForBeams(ParseResult parsed, GenerationSettings? suggested = null)
    {
        foreach (Option option in (ReadOnlySpan<Option>)[Temperature, TopK, TopP, MinP, TypicalP, Seed])
        {
            if (parsed.GetResult(option) is { Implicit: false })
            {
                throw new UsageException($"{option.Name} does not go with --beams: a beam search compares the model's own scores");
            }
        }
        return Read(parsed, new GenerationSettings { RepetitionPenalty = suggested?.RepetitionPenalty }) with { Temperature = 1 };
    }
}
