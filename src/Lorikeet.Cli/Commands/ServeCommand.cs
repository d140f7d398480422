using System.CommandLine;
using System.Text.Json;
using System.Text.Json.Nodes;
using Lorikeet.Server;
using Lorikeet.Serving;

namespace Lorikeet.Cli.Commands;

/// <summary><c>lorikeet serve</c>.</summary>
internal static class ServeCommand
{
    private static readonly Option<string> Model = new("--model") { Description = "Model folder, GGUF file, or org/name in the local Hugging Face cache", Required = true };
    private static readonly Option<string?> Weights = WeightsOption.Create();
    private static readonly Option<string[]> Names = new("--served-model-name") { Description = "A name the base answers to; repeat for aliases. Default: the last part of --model, and all of it where it is org/name", AllowMultipleArgumentsPerToken = true };
    private static readonly Option<string> Host = new("--host") { Description = "IP address to listen on", DefaultValueFactory = _ => "127.0.0.1" };
    private static readonly Option<int> Port = new("--port") { Description = "Port; 0: any free one", DefaultValueFactory = _ => 8000 };
    private static readonly Option<string[]> Adapters = new("--adapter") { Description = "NAME=FOLDER: an adapter for everybody; repeat for several" };
    private static readonly Option<string?> AdapterFolder = new("--adapter-dir") { Description = "A folder whose sub-folders are adapters, loaded when a request names them" };
    private static readonly Option<string?> Registry = new("--registry") { Description = "Where adapters and keys are recorded: a file (SQLite), or a connection string of PostgreSQL (Host=...). Default: in memory" };
    private static readonly Option<string?> Store = new("--store") { Description = "Folder of uploaded adapters; without it uploads are refused" };
    private static readonly Option<bool> Runtime = new("--allow-runtime-adapters") { Description = "Offer vLLM's routes that load adapters from this machine's disk" };
    private static readonly Option<string[]> Roots = new("--load-root") { Description = "With --allow-runtime-adapters: a folder that may be read; repeat for several. Default: any" };
    private static readonly Option<string[]> ApiKeys = new("--api-key") { Description = "A key that may infer and manage, beside those of the registry; turns keys on; several may follow", AllowMultipleArgumentsPerToken = true };
    private static readonly Option<bool> RequireKeys = new("--require-keys") { Description = "Demand keys on 127.0.0.1 too" };
    private static readonly Option<bool> Insecure = new("--insecure") { Description = "Demand no keys although others can reach the address" };
    private static readonly Option<bool> OpenMetrics = new("--open-metrics") { Description = "Metrics need no key; they name adapters" };
    private static readonly Option<int> MaxSequences = new("--max-num-seqs") { Description = "The most answers that run at once", DefaultValueFactory = _ => 64 };
    private static readonly Option<int> MaxRows = new("--max-num-batched-tokens") { Description = "The most rows of one step", DefaultValueFactory = _ => 512 };
    private static readonly Option<long> CacheBytes = new("--cache-mib") { Description = "Memory for keys, values and adapters (MiB)", DefaultValueFactory = _ => 1024 };
    private static readonly Option<int> Queue = new("--queue") { Description = "Requests that may wait; more are refused with 429", DefaultValueFactory = _ => 1024 };
    private static readonly Option<int> DeadlineSeconds = new("--deadline") { Description = "Seconds that a request has, unless it asks for less", DefaultValueFactory = _ => 600 };
    private static readonly Option<int> Draft = new("--draft-tokens") { Description = "Tokens guessed ahead from the text itself; never changes an answer. 0: none" };
    private static readonly Option<string> AdapterType = new("--adapter-type") { Description = "How adapters' factors are kept: exact, f32, bf16 or int8", DefaultValueFactory = _ => "exact" };
    private static readonly Option<string> GenerationConfig = new("--generation-config") { Description = "Sampling defaults: auto (the model's file), none, or a folder", DefaultValueFactory = _ => "auto" };
    private static readonly Option<string?> Override = new("--override-generation-config") { Description = "JSON of sampling defaults that win over the files" };
    private static readonly Option<string?> Pooling = new("--pooling") { Description = "How embeddings are pooled: last, mean or first; default: as the model says" };
    private static readonly Option<string> NamedFinish = new("--named-tool-finish") { Description = "The finish_reason of a call that the request named: stop or tool_calls", DefaultValueFactory = _ => "stop" };
    private static readonly Option<bool> VllmErrors = new("--vllm-errors") { Description = "Errors in vLLM's words" };
    private static readonly Option<bool> Strict = new("--strict") { Description = "Refuse fields that no route knows" };
    private static readonly Option<bool> Templates = new("--trust-request-chat-template") { Description = "Requests may bring their own chat template" };
    private static readonly Option<bool> PromptEmbeds = new("--enable-prompt-embeds") { Description = "Completions take prompt_embeds: prompts that are vectors in place of token ids" };
    private static readonly Option<bool> TokenizerInfo = new("--enable-tokenizer-info-endpoint") { Description = "Offer GET /tokenizer_info" };
    private static readonly Option<string[]> Origins = new("--allow-origin") { Description = "An origin that browsers may call from; repeat for several" };
    private static readonly Option<int> Drain = new("--drain") { Description = "Seconds that running answers have after SIGTERM", DefaultValueFactory = _ => 30 };

    /// <summary>The command.</summary>
    public static Command Create()
    {
        Command command = new(
            "serve",
            "Serves a model and its adapters over HTTP, as OpenAI's API: the adapter's name goes where the model's goes.\n\n" +
            "Examples:\n" +
            "  lorikeet serve --model ./base --adapter legal=./legal --adapter poems=./poems\n" +
            "  lorikeet serve --model ./base --registry registry.db --store ./adapters --host 0.0.0.0\n" +
            "  lorikeet key --registry registry.db --scope admin --scope manage --scope infer")
        {
            Model, Weights, Names, Host, Port, Adapters, AdapterFolder, Registry, Store, Runtime, Roots, ApiKeys, RequireKeys, Insecure, OpenMetrics, MaxSequences, MaxRows, CacheBytes,
            Queue, DeadlineSeconds, Draft, AdapterType, GenerationConfig, Override, Pooling, NamedFinish, VllmErrors, Strict, Templates, PromptEmbeds, TokenizerInfo, Origins, Drain,
        };
        foreach (Option flag in VllmFlags.All)
        {
            command.Options.Add(flag);
        }
        command.SetAction(RunAsync);
        return command;
    }

    private static async Task<int> RunAsync(ParseResult parsed, CancellationToken stop)
    {
        ServerOptions options = Read(parsed, Environment.GetEnvironmentVariable);
        bool others = options.Host != "localhost" && !System.Net.IPAddress.IsLoopback(System.Net.IPAddress.Parse(options.Host));
        if ((options.Keys ?? others) && options.Registry is null && options.ApiKeys.Count == 0)
        {
            throw new UsageException($"keys are demanded on {options.Host} and there are none: give --registry FILE (lorikeet key makes keys) or --api-key, or --insecure");
        }
        await using LorikeetServer server = LorikeetServer.Create(options);
        await server.StartAsync(stop);
        await Console.Error.WriteLineAsync($"serving {options.ServedNames[0]} on {server.Address.ToString().TrimEnd('/')}{(server.Keyed ? ", keys demanded" : "")}; Ctrl-C stops");
        if (options.OpenMetrics && server.Keyed)
        {
            await Console.Error.WriteLineAsync("warning: /metrics needs no key and names adapters; keep it behind a network policy");
        }
        TaskCompletionSource ended = new(TaskCreationOptions.RunContinuationsAsynchronously);
        await using (stop.Register(ended.SetResult))
        {
            await ended.Task;
        }
        await Console.Error.WriteLineAsync("stopping: running answers finish");
        await server.StopAsync();
        return 0;
    }

    /// <summary>The options of a server.</summary>
    /// <param name="parsed">The command line.</param>
    /// <param name="environment">An environment variable's value, or null.</param>
    internal static ServerOptions Read(ParseResult parsed, Func<string, string?> environment)
    {
        string model = parsed.GetValue(Model)!;
        string[] names = parsed.GetValue(Names) ?? [];
        bool insecure = parsed.GetValue(Insecure), require = parsed.GetValue(RequireKeys);
        if (insecure && require)
        {
            throw new UsageException("--insecure and --require-keys do not go together");
        }
        string finish = parsed.GetValue(NamedFinish)!;
        if (finish is not ("stop" or "tool_calls"))
        {
            throw new UsageException($"--named-tool-finish is '{finish}'; expected stop or tool_calls");
        }
        long cache = parsed.GetValue(CacheBytes);
        int queue = parsed.GetValue(Queue), deadline = parsed.GetValue(DeadlineSeconds), port = parsed.GetValue(Port);
        if (cache is < 1 or > 1 << 24 || queue is < 1 or > 65_536 || deadline is < 1 or > 3600 || port is < 0 or > 65_535)
        {
            throw new UsageException("a number is out of range: --cache-mib 1 to 16777216, --queue 1 to 65536, --deadline 1 to 3600, --port 0 to 65535");
        }
        if (!System.Net.IPAddress.TryParse(parsed.GetValue(Host), out _) && parsed.GetValue(Host) != "localhost")
        {
            throw new UsageException($"--host is '{parsed.GetValue(Host)}'; expected an IP address, for example 127.0.0.1 or 0.0.0.0");
        }
        return VllmFlags.Apply(parsed, environment, new ServerOptions
        {
            Model = model,
            Weights = parsed.GetValue(Weights) is { } format ? WeightsOption.Parse(format) : null,
            ServedNames = names.Length > 0 ? names : NamesOf(model),
            Host = parsed.GetValue(Host)!,
            Port = port,
            Adapters = [.. (parsed.GetValue(Adapters) ?? []).Select(Adapter)],
            AdapterFolder = parsed.GetValue(AdapterFolder),
            Registry = parsed.GetValue(Registry),
            Store = parsed.GetValue(Store) is { } store ? Path.GetFullPath(store) : null,
            RuntimeLoading = parsed.GetValue(Runtime),
            LoadRoots = parsed.GetValue(Roots) ?? [],
            ApiKeys = parsed.GetValue(ApiKeys) ?? [],
            Keys = insecure ? false : require ? true : null,
            OpenMetrics = parsed.GetValue(OpenMetrics),
            VllmErrors = parsed.GetValue(VllmErrors),
            Strict = parsed.GetValue(Strict),
            RequestTemplates = parsed.GetValue(Templates),
            PromptEmbeds = parsed.GetValue(PromptEmbeds),
            TokenizerInfo = parsed.GetValue(TokenizerInfo),
            NamedToolFinish = finish,
            GenerationConfig = parsed.GetValue(GenerationConfig)!,
            OverrideGenerationConfig = parsed.GetValue(Override) is { } json ? Json(json) : null,
            Pooling = parsed.GetValue(Pooling),
            Origins = parsed.GetValue(Origins) ?? [],
            DrainTime = TimeSpan.FromSeconds(parsed.GetValue(Drain)),
            Limits = new ServerLimits { QueueRequests = queue, Deadline = TimeSpan.FromSeconds(deadline) },
            Engine = new EngineOptions
            {
                MaxSequences = parsed.GetValue(MaxSequences),
                MaxRows = parsed.GetValue(MaxRows),
                CacheBytes = cache << 20,
                DraftTokens = parsed.GetValue(Draft),
                Factors = AdapterTypes.Parse(parsed.GetValue(AdapterType)!),
                Queue = "vtc",
            },
        });
    }

    // vLLM serves a model of the hub by its whole name: clients that were made for it ask for that.
    private static string[] NamesOf(string model)
    {
        string last = Path.GetFileName(Path.TrimEndingDirectorySeparator(model));
        return model.Count(c => c == '/') == 1 && model[0] is not ('/' or '.') && last.Length > 0 && !Path.Exists(model) ? [last, model] : [last];
    }

    private static KeyValuePair<string, string> Adapter(string text)
    {
        int equals = text.IndexOf('=', StringComparison.Ordinal);
        return equals > 0 && equals < text.Length - 1
            ? new(text[..equals], text[(equals + 1)..])
            : throw new UsageException($"--adapter is '{text}'; expected NAME=FOLDER");
    }

    private static JsonObject Json(string text)
    {
        try
        {
            return JsonNode.Parse(text) as JsonObject ?? throw new UsageException("--override-generation-config is no JSON object");
        }
        catch (JsonException)
        {
            throw new UsageException("--override-generation-config is no JSON object");
        }
    }
}
