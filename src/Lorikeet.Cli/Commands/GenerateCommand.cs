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
    private const int MostBeams = 1024;

    private static readonly Option<string> Model = new("--model") { Description = "Model folder, GGUF file, or org/name in the local Hugging Face cache", Required = true };
    private static readonly Option<string[]> Adapters = new("--adapter") { Description = "Adapter folder or GGUF file, or 'none' for the bare model; repeat for several" };
    private static readonly Option<string[]> Prompts = new("--prompt") { Description = "A prompt; repeat for several" };
    private static readonly Option<string?> PromptFile = new("--prompts") { Description = "A file of JSON lines {\"prompt\": text, \"adapter\": folder}; without adapter: the bare model" };
    private static readonly Option<bool> ChatOption = new("--chat") { Description = "Lay each prompt out as a user's message by the model's chat template; lines of --prompts may have {\"messages\": [...]}" };
    private static readonly Option<string?> SystemText = new("--system") { Description = "With --chat: what the system says before the prompt" };
    private static readonly Option<int> MaxTokens = new("--max-tokens") { Description = "The most tokens of an answer", DefaultValueFactory = _ => 128 };
    private static readonly Option<int> Beams = new("--beams") { Description = "Follow so many answers at once and show the best; 1: one, token by token", DefaultValueFactory = _ => 1 };
    private static readonly Option<double> LengthPenalty = new("--length-penalty") { Description = "With --beams: answers compare by log-probability / length^this", DefaultValueFactory = _ => 1 };
    private static readonly Option<string[]> Stop = new("--stop") { Description = "A text that ends an answer; repeat for several" };
    private static readonly Option<string> AdapterType = new("--adapter-type")
    {
        Description = "How adapters' factors are kept: exact (no loss), f32, bf16 or int8 (less memory to read, small rounding)",
        DefaultValueFactory = _ => "exact",
    };
    private static readonly Option<bool> IgnoreEnd = new("--ignore-end") { Description = "Go on after end tokens" };
    private static readonly Option<string?> Weights = WeightsOption.Create();
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
            "  lorikeet generate --model ./chat --chat --system \"Answer briefly.\" --prompt \"Why is the sky blue?\"\n" +
            "  lorikeet generate --model ./base --prompts requests.jsonl --temperature 0.8 --top-p 0.95 --seed 1 --json")
        {
            Model, Weights, Adapters, Prompts, PromptFile, ChatOption, SystemText, MaxTokens, Beams, LengthPenalty, Stop, AdapterType, IgnoreEnd, Json,
        };
        foreach (Option option in SamplingFlags.All)
        {
            command.Add(option);
        }
        command.SetAction(RunAsync);
        return command;
    }

    private static async Task<int> RunAsync(ParseResult parsed, CancellationToken stop)
    {
        IReadOnlyList<Job> jobs = Job.List(parsed.GetValue(Prompts) ?? [], parsed.GetValue(Adapters) ?? [], parsed.GetValue(PromptFile));
        GenerationRequest settings = Settings(parsed, null);
        string folder = parsed.GetValue(Model)!;
        string place = Models.Files.ModelLocation.Resolve(folder);
        Tokenizer tokenizer = Tokenizer.Load(place);
        bool chat = parsed.GetValue(ChatOption);
        jobs = Conversations(jobs, () => Directory.Exists(place) ? ChatTemplateSet.Load(place) : ChatTemplateSet.Of(tokenizer), chat, parsed.GetValue(SystemText));
        using LanguageModel model = ModelLoader.Load(folder, WeightsOption.Load(parsed.GetValue(Weights)));
        using LoadedAdapters loaded = new(model, AdapterTypes.Parse(parsed.GetValue(AdapterType)!));
        Adapter?[] adapters = [.. jobs.Select(job => job.Adapter is null ? null : loaded.Load(job.Adapter))];
        foreach (Adapters.TrainedAdapter adapter in loaded.All)
        {
            foreach (string warning in adapter.Warnings)
            {
                await Console.Error.WriteLineAsync($"lorikeet: {adapter.Name}: {warning}");
            }
        }
        GenerationSettings suggested = GenerationSettings.Read(place, model.Config);
        settings = Settings(parsed, suggested);
        IReadOnlyList<int> ends = parsed.GetValue(IgnoreEnd) ? [] : suggested.EndIds.Count > 0 ? suggested.EndIds : tokenizer.EosId is { } end ? [end] : [];
        List<GenerationRequest> requests =
        [
            .. jobs.Select((job, i) => settings with { Prompt = tokenizer.Encode(job.Prompt, addSpecialTokens: !chat), Adapter = adapters[i], EndIds = ends }),
        ];
        IAnswerWriter writer = parsed.GetValue(Json) ? new JsonAnswers(jobs) : jobs.Count == 1 ? new OneAnswer(jobs[0]) : new LabelledAnswers(jobs);
        long start = Stopwatch.GetTimestamp();
        long tokens = 0;
        bool failed = false;
        if (parsed.GetValue(Beams) > 1)
        {
            BeamOptions beams = new() { Beams = parsed.GetValue(Beams), LengthPenalty = parsed.GetValue(LengthPenalty) };
            foreach (GenerationEvent next in BeamAnswers.Run(model, tokenizer, requests, beams, stop))
            {
                Take(next);
            }
        }
        else
        {
            using TextGenerator generator = new(model, tokenizer);
            await foreach (GenerationEvent next in generator.GenerateAsync(requests, stop))
            {
                Take(next);
            }
        }
        double seconds = Stopwatch.GetElapsedTime(start).TotalSeconds;
        await Console.Error.WriteLineAsync(
            string.Create(System.Globalization.CultureInfo.InvariantCulture, $"{jobs.Count} answers, {tokens} tokens in {seconds:F2} s, {tokens / seconds:F1} tokens/s"));
        return failed ? 1 : 0;

        void Take(in GenerationEvent next)
        {
            tokens += next.Token >= 0 ? 1 : 0;
            failed |= next.Finish == FinishReason.Failed;
            writer.Take(next);
        }
    }

    private static IReadOnlyList<Job> Conversations(IReadOnlyList<Job> jobs, Func<ChatTemplateSet> templates, bool chat, string? system)
    {
        if (chat)
        {
            return Generate.Chat.Lay(jobs, templates(), system);
        }
        return system is not null ? throw new UsageException("--system is part of a conversation; give --chat too")
            : jobs.Any(job => job.Messages is not null) ? throw new UsageException("--prompts has lines with messages; give --chat to lay them out by the model's template")
            : jobs;
    }

    private static GenerationRequest Settings(ParseResult parsed, GenerationSettings? suggested)
    {
        int most = parsed.GetValue(MaxTokens), beams = parsed.GetValue(Beams);
        SamplingOptions sampling = beams > 1 ? SamplingFlags.ReadForBeams(parsed, suggested) : SamplingFlags.Read(parsed, suggested);
        string[] stops = parsed.GetValue(Stop) ?? [];
        return most < 1 ? throw new UsageException($"--max-tokens is {most}; expected 1 or more")
            : beams is < 1 or > MostBeams ? throw new UsageException($"--beams is {beams}; expected 1 to {MostBeams}")
            : !double.IsFinite(parsed.GetValue(LengthPenalty)) ? throw new UsageException("--length-penalty is no finite number")
            : beams > 1 && stops.Length > 0 ? throw new UsageException("--stop does not go with --beams: a beam search ends at end tokens and at --max-tokens")
            : stops.Contains("") ? throw new UsageException("--stop is empty; expected at least one character")
            : new GenerationRequest { Prompt = [], MaxTokens = most, Sampling = sampling, Stop = stops };
    }
}
