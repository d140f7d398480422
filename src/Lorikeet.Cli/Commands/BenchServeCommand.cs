using System.CommandLine;
using System.Text.Json.Nodes;
using Lorikeet.Cli.Bench;
using Lorikeet.Models.Files;

namespace Lorikeet.Cli.Commands;

/// <summary><c>lorikeet bench serve</c>: loads a server that speaks OpenAI's API, this product's or another.</summary>
internal static class BenchServeCommand
{
    /// <summary>The most adapters that are made, or asked for by number.</summary>
    public const int MostAdapters = 10_000;

    private static readonly Option<string> Server = new("--server") { Description = "Where it listens", DefaultValueFactory = _ => "http://127.0.0.1:8000" };
    private static readonly Option<string?> Key = new("--key") { Description = "The key that requests carry; default: the environment's OPENAI_API_KEY" };
    private static readonly Option<string[]> Adapters = new("--adapters") { Description = "Names that go into the field model", AllowMultipleArgumentsPerToken = true };
    private static readonly Option<int> Count = new("--adapter-count") { Description = "Instead: bench-0000, bench-0001, ..., this many" };
    private static readonly Option<string?> Model = new("--model") { Description = "The one name of all requests. Default: the first of /v1/models" };
    private static readonly Option<bool> LoraIds = new("--lora-ids") { Description = "Say which adapter by its number in the field lora, as llama-server wants it, in the place of model" };
    private static readonly Option<double> Rate = new("--rate") { Description = "Arrivals a second", DefaultValueFactory = _ => 2 };
    private static readonly Option<double> Duration = new("--duration") { Description = "Seconds of arrivals", DefaultValueFactory = _ => 60 };
    private static readonly Option<int?> Requests = new("--requests") { Description = "Requests; default: rate times duration" };
    private static readonly Option<double> Alpha = new("--alpha") { Description = "Popularity of adapters: 1 all alike, smaller: the first more often", DefaultValueFactory = _ => 1 };
    private static readonly Option<bool> InTurn = new("--in-turn") { Description = "One adapter after the other instead of drawn ones" };
    private static readonly Option<double> Cv = new("--cv") { Description = "Variation of the gaps between arrivals: 1 Poisson, larger: in bursts", DefaultValueFactory = _ => 1 };
    private static readonly Option<int[]> Input = Range("--input", "Words (with --ids: tokens) of a prompt, from and below");
    private static readonly Option<int[]> Output = Range("--output", "Tokens of an answer, from and below");
    private static readonly Option<int?> Concurrency = new("--concurrency") { Description = "Closed loop: this many at a time, each sent when one has come back" };
    private static readonly Option<int> Warm = new("--warm-up") { Description = "Requests before, one after another, not counted", DefaultValueFactory = _ => 2 };
    private static readonly Option<bool> Chat = new("--chat") { Description = "Conversations instead of completions" };
    private static readonly Option<int?> Ids = new("--ids") { Description = "Prompts are token ids below this, so that lengths are exact" };
    private static readonly Option<bool> Plain = new("--plain") { Description = "Send only OpenAI's own fields (no ignore_eos): answers may be shorter" };
    private static readonly Option<double> SloFirst = new("--slo-first") { Description = "Seconds to the first token that are in time", DefaultValueFactory = _ => 6 };
    private static readonly Option<double?> SloToken = new("--slo-token") { Description = "Seconds for each further token that are in time; default: any" };
    private static readonly Option<double> Limit = new("--timeout") { Description = "Seconds after which a request has failed", DefaultValueFactory = _ => 600 };
    private static readonly Option<ulong> Seed = new("--seed") { Description = "Equal seeds send equal requests", DefaultValueFactory = _ => 42 };
    private static readonly Option<string?> Answers = new("--answers") { Description = "Also write all answers to this file, token ids and log-probabilities too: a line of JSON for each request, the same for the same answer" };
    private static readonly Option<string?> Html = new("--html") { Description = "Also write a page with pictures to this file" };
    private static readonly Option<bool> Json = new("--json") { Description = "One JSON object instead of text" };

    /// <summary>The command.</summary>
    public static Command Create()
    {
        Command command = new(
            "serve",
            "S-LoRA's synthetic load on a server that speaks OpenAI's API: throughput, times to first and further tokens, share in time.\n\nExamples:\n" +
            "  lorikeet bench make ./loras --base ./base --count 100\n  lorikeet serve --model ./base --adapter-dir ./loras\n" +
            "  lorikeet bench serve --adapter-count 100 --alpha 0.3 --rate 4 --duration 60 --html load.html\n  lorikeet bench serve --server http://peer:8000 --adapters a b c --concurrency 16 --requests 200")
        {
            Server, Key, Adapters, Count, Model, LoraIds, Rate, Duration, Requests, Alpha, InTurn, Cv, Input, Output, Concurrency, Warm, Chat, Ids, Plain, SloFirst, SloToken, Limit, Seed, Answers, Html, Json,
        };
        command.SetAction((parsed, stop) => Task.Run(() => RunAsync(parsed, stop), stop));
        return command;
    }

    private static async Task<int> RunAsync(ParseResult parsed, CancellationToken stop)
    {
        ServeWorkload workload = Read(parsed);
        string[] names = parsed.GetValue(Adapters) is { Length: > 0 } given ? given : [.. Enumerable.Range(0, parsed.GetValue(Count)).Select(BenchAdapters.Name)];
        string? key = parsed.GetValue(Key) ?? Environment.GetEnvironmentVariable("OPENAI_API_KEY");
        PromptMaker prompts = new(workload.Seed, parsed.GetValue(Chat), parsed.GetValue(Plain), parsed.GetValue(Ids), parsed.GetValue(LoraIds), scores: parsed.GetValue(Answers) is not null);
        using CompletionClient client = new(new Uri(parsed.GetValue(Server)!), key, prompts, TimeSpan.FromSeconds(parsed.GetValue(Limit)), keep: parsed.GetValue(Answers) is not null);
        if (names.Length == 0)
        {
            names = [parsed.GetValue(Model) ?? await client.FirstModelAsync(stop)];
        }
        workload = workload with { Adapters = names.Length };
        LoadRun run = new(client, workload.Plan(), adapter => names[adapter]);
        await run.WarmAsync(parsed.GetValue(Warm), stop);
        int? concurrency = parsed.GetValue(Concurrency);
        await Console.Error.WriteLineAsync(concurrency is { } most
            ? $"{workload.Requests} requests, {most} at a time, {names.Length} names"
            : FormattableString.Invariant($"{workload.Requests} requests at {workload.Rate} a second, {names.Length} names"));
        ServeResult result = new(concurrency is { } width ? await run.ClosedAsync(width, stop) : await run.OpenAsync(stop), parsed.GetValue(SloFirst), parsed.GetValue(SloToken));
        JsonObject settings = Settings(parsed, workload);
        if (parsed.GetValue(Answers) is { } answers)
        {
            AtomicFile.WriteText(answers, string.Concat(result.All.Select(o => o.Answer + "\n")));
        }
        if (parsed.GetValue(Html) is { } page)
        {
            AtomicFile.WriteText(page, ServePage.Write(result, settings));
        }
        if (parsed.GetValue(Json))
        {
            Console.WriteLine(result.Json(settings).ToJsonString());
        }
        else
        {
            result.Print(Console.Out);
        }
        return 0;
    }

    private static ServeWorkload Read(ParseResult parsed)
    {
        if (!Uri.TryCreate(parsed.GetValue(Server), UriKind.Absolute, out Uri? server) || server.Scheme is not ("http" or "https"))
        {
            throw new UsageException($"--server is '{parsed.GetValue(Server)}'; expected an address, for example http://127.0.0.1:8000");
        }
        bool named = parsed.GetValue(Adapters) is { Length: > 0 };
        int count = parsed.GetValue(Count);
        if ((named ? 1 : 0) + (count > 0 ? 1 : 0) + (parsed.GetValue(Model) is null ? 0 : 1) > 1)
        {
            throw new UsageException("--adapters, --adapter-count and --model exclude each other");
        }
        if (count is < 0 or > MostAdapters)
        {
            throw new UsageException($"--adapter-count is {count}; expected 1 to {MostAdapters}");
        }
        double rate = Positive(parsed, Rate), duration = Positive(parsed, Duration);
        double requests = parsed.GetValue(Requests) ?? Math.Floor(rate * duration);
        if (requests is < 1 or > 10_000_000 || parsed.GetValue(Concurrency) is < 1 or > 65_536 || parsed.GetValue(Warm) is < 0 or > 10_000 || parsed.GetValue(Ids) is < 1)
        {
            throw new UsageException("a number is out of range: --requests 1 to 10000000, --concurrency 1 to 65536, --warm-up 0 to 10000, --ids from 1");
        }
        if (parsed.GetValue(Chat) && parsed.GetValue(Ids) is not null)
        {
            throw new UsageException("--chat and --ids do not go together: conversations are text");
        }
        Positive(parsed, SloFirst);
        if (Positive(parsed, Limit) > 86_400)
        {
            throw new UsageException("--timeout is too long; expected at most 86400 seconds");
        }
        return new ServeWorkload
        {
            Alpha = Positive(parsed, Alpha),
            InTurn = parsed.GetValue(InTurn),
            Rate = rate,
            Cv = Positive(parsed, Cv),
            Requests = (int)requests,
            Input = Bounds(parsed, Input),
            Output = Bounds(parsed, Output),
            Seed = parsed.GetValue(Seed),
        };
    }

    private static JsonObject Settings(ParseResult parsed, ServeWorkload workload) => new()
    {
        ["server"] = parsed.GetValue(Server),
        ["adapters"] = workload.Adapters,
        ["alpha"] = workload.InTurn ? "in turn" : workload.Alpha,
        ["rate"] = parsed.GetValue(Concurrency) is null ? workload.Rate : null,
        ["cv"] = parsed.GetValue(Concurrency) is null ? workload.Cv : null,
        ["concurrency"] = parsed.GetValue(Concurrency),
        ["requests"] = workload.Requests,
        ["input"] = $"{workload.Input.Low} to {workload.Input.High - 1} {(parsed.GetValue(Ids) is null ? "words" : "tokens")}",
        ["output"] = $"{workload.Output.Low} to {workload.Output.High - 1} tokens",
        ["slo_first_s"] = parsed.GetValue(SloFirst),
        ["slo_token_s"] = parsed.GetValue(SloToken),
        ["seed"] = workload.Seed,
    };

    private static double Positive(ParseResult parsed, Option<double> option) =>
        parsed.GetValue(option) is > 0 and < 1e9 and double value ? value : throw new UsageException($"{option.Name} is {parsed.GetValue(option)}; expected a number above 0");

    private static (int Low, int High) Bounds(ParseResult parsed, Option<int[]> option) =>
        parsed.GetValue(option) is [>= 1 and int low, <= 1_000_000 and int high] && low < high
            ? (low, high)
            : throw new UsageException($"{option.Name} is '{string.Join(' ', parsed.GetValue(option) ?? [])}'; expected two numbers, the first at least 1 and less than the second");

    private static Option<int[]> Range(string name, string description) => new(name) { Description = description, AllowMultipleArgumentsPerToken = true, DefaultValueFactory = _ => [8, 512] };
}
