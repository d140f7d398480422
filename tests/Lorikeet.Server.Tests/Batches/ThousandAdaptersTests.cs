using System.Text.Json;
using System.Text.Json.Nodes;
using Lorikeet.Serving;
using Lorikeet.Testing;

namespace Lorikeet.Server.Tests.Batches;

/// <summary>A thousand adapters, 200 in rotation, 64 requests in flight, over HTTP: each answer is the one that the same request gets alone, bit for bit.</summary>
public sealed class ThousandAdaptersTests
{
    private const int Registered = 1000, Requests = 400, InFlight = 64;

    // Room for about fifty of the adapters beside the pages of the answers that run.
    private const long Room = 2 << 20;

    [Fact]
    public async Task Every_answer_equals_the_one_the_request_gets_alone()
    {
        // The first ones reach the engine when as many are there as there may be.
        using SemaphoreSlim gate = new(0);
        await using TinyServer crowd = await StartAsync(new EngineOptions { CacheBytes = Room, MaxSequences = InFlight, MaxRows = 96, PoisonFreedPages = true, Queue = "vtc" }, inner => new HeldInference(inner) { Gate = gate });
        await using TinyServer single = await StartAsync(new EngineOptions { CacheBytes = 256 << 20, MaxSequences = 1, PrefixCaching = false, LoaderThreads = 0 });
        Assert.Equal(Registered, crowd.Server.Parts.Registry.Snapshot.Count);
        string[] alone = new string[Requests], together = new string[Requests];
        for (int i = 0; i < Requests; i++)
        {
            alone[i] = await AskAsync(single, i, stream: false);
        }
        Task all = Parallel.ForEachAsync(
            Enumerable.Range(0, Requests), new ParallelOptions { MaxDegreeOfParallelism = InFlight }, async (i, _) => together[i] = await AskAsync(crowd, i, stream: i % 2 == 1));
        await Wait.UntilAsync(() => crowd.Server.Parts.Admission.InFlight == InFlight);
        gate.Release(1_000_000);
        await all;
        int[] different = [.. Enumerable.Range(0, Requests).Where(i => alone[i] != together[i])];
        Assert.True(different.Length == 0, different.Length == 0 ? "" : $"{different.Length} answers differ, the first is request {different[0]}: {Body(different[0], false)}\nalone:\n{alone[different[0]]}\ntogether:\n{together[different[0]]}");
        Assert.True(alone.Distinct().Count() > Requests * 9 / 10, "the requests are too much alike to prove anything");
        EngineStatistics figures = crowd.Server.Parts.Inference.Statistics;
        Assert.True(figures.AdapterEvictions > 0, "no adapter was evicted");
        Assert.True(figures.AdapterLoads > AdapterFarm.Count, $"{figures.AdapterLoads} loads: no adapter was read twice");
        Assert.True(figures.PrefixHits > 0, "no prompt was found");
        Assert.True(Enumerable.Range(5, 5).Sum(figures.StepAdapters.Count) > 0, "no step had 9 adapters or more");
        await Faults.Proof.AllReturnedAsync(crowd);
    }

    private static async Task<TinyServer> StartAsync(EngineOptions engine, Func<IInference, IInference>? wrap = null)
    {
        TinyServer server = await TinyServer.StartAsync((o, _) => o with { Engine = engine }, wrap);
        await AdapterFarm.RegisterAsync(server.Server.Parts.Registry, Caller.DefaultTenant, Enumerable.Range(0, Registered).Select(i => ($"a{i}", AdapterFarm.Folders[i % AdapterFarm.Count])));
        return server;
    }

    private static async Task<string> AskAsync(TinyServer server, int number, bool stream)
    {
        Answer answer = await server.PostAsync(number % 7 == 3 ? "/v1/chat/completions" : "/v1/completions", Body(number, stream));
        return stream ? AnswerBits.Of(answer.Events()) : AnswerBits.Of(answer.Ok());
    }

    // Chat and completions, one answer and two, greedy and sampled, beginnings that many share, one adapter, a mixture, none.
    private static string Body(int number, bool stream)
    {
        bool chat = number % 7 == 3;
        string prompt = string.Concat(Enumerable.Range(0, 10 + (number % 3 * 15)).Select(i => $"{(number % 5 * 31) + i} ")) + $"then {number}";
        JsonObject body = new()
        {
            ["model"] = number % 23 == 0 ? TinyServer.Base : $"a{number * 7 % AdapterFarm.Count}",
            ["max_tokens"] = 3 + (number % 12),
            ["n"] = number % 13 == 0 ? 2 : 1,
            ["seed"] = number,
            ["temperature"] = number % 3 == 0 ? 0 : 0.9,
            ["ignore_eos"] = true,
            ["stream"] = stream,
        };
        if (chat)
        {
            body["messages"] = new JsonArray(new JsonObject { ["role"] = "user", ["content"] = prompt });
            body["logprobs"] = true;
            body["top_logprobs"] = 2;
        }
        else
        {
            body["prompt"] = prompt;
            body["logprobs"] = 2;
            body["return_token_ids"] = true;
        }
        if (number % 19 == 1)
        {
            // Of these methods the changes are sums: LoRA stands second, NOLA fourth.
            body["model"] = TinyServer.Base;
            body["adapters"] = new JsonArray(Entry((number * 4 % AdapterFarm.Count) + 1, 0.75), Entry((number * 12 % AdapterFarm.Count) + 3, -0.5));
        }
        return body.ToJsonString(JsonSerializerOptions.Web);
    }

    private static JsonObject Entry(int number, double weight) => new() { ["name"] = $"a{number}", ["weight"] = weight };
}
