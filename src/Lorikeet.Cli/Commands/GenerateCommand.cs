using System.CommandLine;
using System.Diagnostics;
using Lorikeet.Cli.Generate;
using Lorikeet.Models;
using Lorikeet.Models.Text;
using Lorikeet.Serving;

namespace Lorikeet.Cli.Commands;

/// <summary><c>lorikeet generate</c>.</summary>
internal static class GenerateCommand
{
    private static readonly Option<string> Model = new("--model") { Description = "Model folder, or org/name in the local Hugging Face cache", Required = true };
    private static readonly Option<string[]> Adapters = new("--adapter") { Description = "Adapter folder, or 'none' for the bare model; repeat for several" };
    private static readonly Option<string[]> Prompts = new("--prompt") { Description = "A prompt; repeat for several" };
    private static readonly Option<string?> PromptFile = new("--prompts") { Description = "A file of JSON lines {\"prompt\": text, \"adapter\": folder}; without adapter: the bare model" };
    private static readonly Option<int> MaxTokens = new("--max-tokens") { Description = "The most tokens of an answer", DefaultValueFactory = _ => 128 };
    private static readonly Option<int> MinTokens = new("--min-tokens") { Description = "No end before so many tokens" };
    private static readonly Option<double> Temperature = new("--temperature") { Description = "0: always the likeliest token; 1: the model's own distribution" };
    private static readonly Option<int> TopK = new("--top-k") { Description = "Only the k likeliest tokens; 0: all" };
    private static readonly Option<double> TopP = new("--top-p") { Description = "Only the likeliest tokens of this total probability", DefaultValueFactory = _ => 1 };
    private static readonly Option<double> MinP = new("--min-p") { Description = "Only tokens this share as likely as the likeliest" };
    private static readonly Option<double> TypicalP = new("--typical-p") { Description = "Only the most typical tokens of this total probability", DefaultValueFactory = _ => 1 };
    private static readonly Option<double> Repetition = new("--repetition-penalty") { Description = "Above 1: tokens that occurred are less likely", DefaultValueFactory = _ => 1 };
    private static readonly Option<int> Ngram = new("--no-repeat-ngram") { Description = "No run of so many tokens twice; 0: off" };
    private static readonly Option<ulong> Seed = new("--seed") { Description = "Equal seeds give equal answers, in any batch" };
    private static readonly Option<string[]> Stop = new("--stop") { Description = "A text that ends an answer; repeat for several" };
    private static readonly Option<string> AdapterType = new("--adapter-type")
    {
        Description = "How adapters' factors are kept: exact (no loss), f32, bf16 or int8 (less memory to read, small rounding)",
        DefaultValueFactory = _ => "exact",
    };
    private static readonly Option<bool> IgnoreEnd = new("--ignore-end") { Description = "Go on after end tokens" };
    private static readonly Option<bool> Json = new("--json") { Description = "One JSON object an answer instead of text" };

    /// <summary>The command.</summary>
    public static Command Create()
    {
        Command command = new(
            "generate",
            "Continues prompts, all in one batch, each with its own adapter.\n\n" +
            "One prompt and several adapters: the prompt once with each. Several prompts and one adapter: all with it. Else as many of the one as of the other.\n\n" +
            "Examples:\n" +
            "  lorikeet generate --model ./base --prompt \"Once upon a time\"\n" +
            "  lorikeet generate --model ./base --adapter none --adapter ./legal --adapter ./poems --prompt \"The sea\"\n" +
            "  lorikeet generate --model ./base --prompts requests.jsonl --temperature 0.8 --top-p 0.95 --seed 1 --json")
        {
            Model, Adapters, Prompts, PromptFile, MaxTokens, MinTokens, Temperature, TopK, TopP, MinP, TypicalP, Repetition, Ngram, Seed, Stop, AdapterType, IgnoreEnd, Json,
        };
        command.SetAction(RunAsync);
        return command;
    }

    private static async Task<int> RunAsync(ParseResult parsed, CancellationToken stop)
    {
        IReadOnlyList<Job> jobs = Job.List(parsed.GetValue(Prompts) ?? [], parsed.GetValue(Adapters) ?? [], parsed.GetValue(PromptFile));
        GenerationRequest settings = Settings(parsed);
        FactorStorage factors = AdapterTypes.Parse(parsed.GetValue(AdapterType)!);
        string folder = parsed.GetValue(Model)!;
        Tokenizer tokenizer = Tokenizer.Load(Models.Files.ModelLocation.Resolve(folder));
        using LanguageModel model = ModelLoader.Load(folder);
        using AdapterCache cache = new(model, factors: factors);
        AdapterLease?[] leases = [.. jobs.Select(job => job.Adapter is null ? null : cache.Rent(job.Adapter))];
        foreach (Adapter adapter in leases.Where(l => l is not null).Select(l => l!.Adapter).Distinct())
        {
            foreach (string warning in (adapter as Adapters.TrainedAdapter)?.Warnings ?? [])
            {
                await Console.Error.WriteLineAsync($"lorikeet: {adapter.Name}: {warning}");
            }
        }
        IReadOnlyList<int> ends = parsed.GetValue(IgnoreEnd) ? [] : Ends(model, tokenizer);
        List<GenerationRequest> requests =
        [
            .. jobs.Select((job, i) => settings with { Prompt = tokenizer.Encode(job.Prompt), Adapter = leases[i]?.Adapter, EndIds = ends }),
        ];
        using TextGenerator generator = new(model, tokenizer);
        IAnswerWriter writer = parsed.GetValue(Json) ? new JsonAnswers(jobs) : jobs.Count == 1 ? new OneAnswer(jobs[0]) : new LabelledAnswers(jobs);
        long start = Stopwatch.GetTimestamp();
        long tokens = 0;
        bool failed = false;
        await foreach (GenerationEvent next in generator.GenerateAsync(requests, stop))
        {
            tokens += next.Token >= 0 ? 1 : 0;
            failed |= next.Finish == FinishReason.Failed;
            writer.Take(next);
        }
        double seconds = Stopwatch.GetElapsedTime(start).TotalSeconds;
        await Console.Error.WriteLineAsync(
            string.Create(System.Globalization.CultureInfo.InvariantCulture, $"{jobs.Count} answers, {tokens} tokens in {seconds:F2} s, {tokens / seconds:F1} tokens/s"));
        return failed ? 1 : 0;
    }

    private static GenerationRequest Settings(ParseResult parsed)
    {
        SamplingOptions sampling = new()
        {
            Temperature = parsed.GetValue(Temperature),
            TopK = parsed.GetValue(TopK),
            TopP = parsed.GetValue(TopP),
            MinP = parsed.GetValue(MinP),
            TypicalP = parsed.GetValue(TypicalP),
            RepetitionPenalty = parsed.GetValue(Repetition),
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
        int most = parsed.GetValue(MaxTokens);
        string[] stops = parsed.GetValue(Stop) ?? [];
        return most < 1 ? throw new UsageException($"--max-tokens is {most}; expected 1 or more")
            : stops.Contains("") ? throw new UsageException("--stop is empty; expected at least one character")
            : new GenerationRequest { Prompt = [], MaxTokens = most, Sampling = sampling, Stop = stops };
    }

    private static IReadOnlyList<int> Ends(LanguageModel model, Tokenizer tokenizer) =>
        model.Config.EndIds.Count > 0 ? model.Config.EndIds : tokenizer.EosId is { } end ? [end] : [];
}
