using System.CommandLine;
using System.Runtime.InteropServices;
using Lorikeet.Cli.Chat;
using Lorikeet.Cli.Generate;
using Lorikeet.Models;
using Lorikeet.Models.Files;
using Lorikeet.Models.Text;
using Lorikeet.Serving;

namespace Lorikeet.Cli.Commands;

/// <summary><c>lorikeet chat</c>.</summary>
internal static class ChatCommand
{
    private static readonly Option<string> Model = new("--model") { Description = "Model folder, GGUF file, or org/name in the local Hugging Face cache", Required = true };
    private static readonly Option<string?> Weights = WeightsOption.Create();
    private static readonly Option<string[]> Adapters = new("--adapter") { Description = "An adapter to switch to: FOLDER or NAME=FOLDER; repeat for several. The first one answers at the beginning" };
    private static readonly Option<string?> AdapterFolder = new("--adapter-dir") { Description = "A folder whose sub-folders are adapters to switch to" };
    private static readonly Option<string> AdapterType = new("--adapter-type") { Description = "How adapters' factors are kept: exact, f32, bf16 or int8", DefaultValueFactory = _ => "exact" };
    private static readonly Option<string?> Template = new("--template") { Description = "A chat template file instead of the model's own", HelpName = "FILE" };
    private static readonly Option<string?> SystemText = new("--system") { Description = "What the system says first" };
    private static readonly Option<string?> LoadFile = new("--load") { Description = "A conversation that /save wrote, to go on with", HelpName = "FILE" };
    private static readonly Option<int> MaxTokens = new("--max-tokens") { Description = "The most tokens of an answer", DefaultValueFactory = _ => 512 };
    private static readonly Option<int> CacheMiB = new("--cache-mib") { Description = "Memory for keys, values and adapters (MiB)", DefaultValueFactory = _ => 1024 };

    /// <summary>The command.</summary>
    public static Command Create()
    {
        Command command = new(
            "chat",
            "A conversation in the terminal; its adapter can be switched at any time.\n\n" +
            "Lines that begin with / are commands: /help lists them. Ctrl-C stops an answer, not the program. Without a terminal, lines are read from standard input,\n" +
            "answers go to standard output, all else to standard error.\n\n" +
            "Examples:\n" +
            "  lorikeet chat --model ./chat\n" +
            "  lorikeet chat --model ./chat --adapter legal=./legal --adapter poems=./poems --system \"Answer briefly.\"\n" +
            "  printf 'Hello\\n/adapter none\\n/retry\\n' | lorikeet chat --model ./chat --adapter ./poems --temperature 0.8")
        {
            Model, Weights, Adapters, AdapterFolder, AdapterType, Template, SystemText, LoadFile, MaxTokens, CacheMiB,
        };
        foreach (Option option in SamplingFlags.All)
        {
            command.Add(option);
        }
        command.SetAction(RunAsync);
        return command;
    }

    /// <summary>Whether a command line is one of this command, which hears Ctrl-C itself.</summary>
    /// <param name="parsed">The command line.</param>
    public static bool Is(ParseResult parsed) => parsed.CommandResult.Command.Name == "chat";

    private static async Task<int> RunAsync(ParseResult parsed, CancellationToken stop)
    {
        int most = parsed.GetValue(MaxTokens), cache = parsed.GetValue(CacheMiB);
        if (most < 1 || cache < 1)
        {
            throw new UsageException(most < 1 ? $"--max-tokens is {most}; expected 1 or more" : $"--cache-mib is {cache}; expected 1 or more");
        }
        _ = SamplingFlags.Read(parsed);
        EngineOptions options = new() { CacheBytes = (long)cache << 20, Factors = AdapterTypes.Parse(parsed.GetValue(AdapterType)!) };
        string folder = parsed.GetValue(Model)!;
        string place = ModelLocation.Resolve(folder);
        Tokenizer tokenizer = Tokenizer.Load(place);
        TalkLayout layout = new(tokenizer, ReadTemplate(place, tokenizer, parsed.GetValue(Template)));
        using LanguageModel model = ModelLoader.Load(folder, WeightsOption.Load(parsed.GetValue(Weights)));
        GenerationSettings suggested = GenerationSettings.Read(place, model.Config);
        using EngineHost host = new(model, tokenizer, options);
        AdapterShelf shelf = new(host);
        string[] names = [.. (parsed.GetValue(Adapters) ?? []).Select(shelf.Add)];
        if (parsed.GetValue(AdapterFolder) is { } all)
        {
            shelf.AddAll(all);
        }
        using ChatSession session = new(host, layout, shelf, Console.Out, Console.Error)
        {
            Settings = new TalkSettings { Sampling = SamplingFlags.Read(parsed, suggested), MaxTokens = most },
            Ends = suggested.EndIds.Count > 0 ? suggested.EndIds : tokenizer.EosId is { } end ? [end] : [],
        };
        if (names.Length > 0)
        {
            await shelf.ChooseAsync([names[0]], stop);
        }
        if (parsed.GetValue(LoadFile) is { } file)
        {
            await TalkCommand.RunAsync(session, $"/load {file}", stop);
        }
        session.Talk.System = parsed.GetValue(SystemText) ?? session.Talk.System;
        ITalkInput input = Input(shelf);
        if (input.IsTerminal)
        {
            session.Note($"{Path.GetFileName(Path.TrimEndingDirectorySeparator(folder))}, {shelf.Names.Count} adapters; /help lists commands, Ctrl-D ends");
        }
        using PosixSignalRegistration interrupts = PosixSignalRegistration.Create(PosixSignal.SIGINT, signal =>
        {
            signal.Cancel = true;
            session.Interrupt();
        });
        return await session.RunAsync(input);
    }

    private static ITalkInput Input(AdapterShelf shelf) => Console.IsInputRedirected || Console.IsOutputRedirected
        ? new PlainInput(Console.In)
        : new TerminalInput(new LineEditor(() => Console.ReadKey(intercept: true), Console.Out, () => Console.WindowWidth, line => TalkCommand.Complete(line, shelf)));

    private static ChatTemplate? ReadTemplate(string place, Tokenizer tokenizer, string? file)
    {
        ChatTemplateSet set = Directory.Exists(place) ? ChatTemplateSet.Load(place) : ChatTemplateSet.Of(tokenizer);
        return file is not null ? set.With(file) : set.Names.Count > 0 ? set.Choose() : null;
    }
}
