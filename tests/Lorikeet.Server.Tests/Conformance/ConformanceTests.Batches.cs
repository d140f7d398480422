using System.Text.Json;
using Lorikeet.Adapters;
using Lorikeet.Models;
using Lorikeet.Server.Tests.Batches;
using Lorikeet.Serving;

namespace Lorikeet.Server.Tests.Conformance;

/// <summary>Items 5, 22, 23: an answer is the same alone and in any company, and mixtures are sums.</summary>
public sealed partial class ConformanceTests
{
    private static readonly string[] Adapters40 = [.. Enumerable.Range(0, 40).Select(i => $"bot-{i}")];

    [Fact]
    public async Task Item_05_Forty_requests_with_forty_adapters_equal_themselves_alone()
    {
        await using TinyServer server = await TinyServer.StartAsync();
        await AdapterFarm.RegisterAsync(server.Server.Parts.Registry, Caller.DefaultTenant, Adapters40.Select((n, i) => (n, AdapterFarm.Folders[i])));
        string[] alone = new string[Adapters40.Length];
        for (int i = 0; i < alone.Length; i++)
        {
            alone[i] = await BitsAsync(server, i);
        }
        Assert.Equal(alone, await Task.WhenAll(Enumerable.Range(0, alone.Length).Select(i => BitsAsync(server, i))));
        // They differ: the adapters were used.
        Assert.True(alone.Distinct().Count() > 30);
    }

    /// <summary>Alone, and among 7 and 40 others; chunks of 4, 16 and 128 rows; with and without kept prompts; with room for few, so that answers give way to each other.</summary>
    [Fact]
    public async Task Item_22_One_request_has_the_same_tokens_and_scores_in_any_batch()
    {
        string? expected = null;
        foreach ((int rows, bool kept, int cache, int others) in ((int, bool, int, int)[])[(128, true, 64 << 20, 0), (4, true, 64 << 20, 7), (16, false, 64 << 20, 7), (128, true, 64 << 20, 40), (128, false, 400_000, 15)])
        {
            await using TinyServer server = await TinyServer.StartAsync(
                (o, _) => o with { Engine = new EngineOptions { CacheBytes = cache, MaxSequences = 64, MaxRows = rows, PrefixCaching = kept } });
            await AdapterFarm.RegisterAsync(server.Server.Parts.Registry, Caller.DefaultTenant, Adapters40.Take(8).Select((n, i) => (n, AdapterFarm.Folders[i])));
            Task<string>[] company = [.. Enumerable.Range(0, others).Select(i => BitsAsync(server, 1 + (i % 7), 80))];
            string first = await BitsAsync(server, 0, 60);
            // Again: now a prefix may be there.
            Assert.Equal(first, await BitsAsync(server, 0, 60));
            await Task.WhenAll(company);
            Assert.Equal(expected ??= first, first);
        }
    }

    [Fact]
    public async Task Item_23_Mixtures_are_weighted_sums_in_any_order_and_refuse_what_cannot_be_summed()
    {
        await using TinyServer server = await TinyServer.StartAsync();
        string a = server.Adapter("a", 1, 0.3f), b = server.Adapter("b", 2, 0.3f), sum = Path.Combine(server.Folder, "sum");
        using (LanguageModel model = ModelLoader.Load(TinyServer.Model))
        using (TrainedAdapter one = AdapterFolder.Load(a, model, "a"), two = AdapterFolder.Load(b, model, "b"), both = Merging.WeightedSum("sum", [one, two], [0.7, -0.4], "cat"))
        {
            AdapterFolder.Save(both, sum);
        }
        foreach ((string name, string folder) in ((string, string)[])[("a", a), ("b", b), ("sum", sum), ("dora", AdapterFarm.Folders[Enumerable.Range(0, AdapterFarm.Count).First(i => AdapterFarm.Method(i).Name == "dora")])])
        {
            await Adapters.RegistryTests.PutAsync(server, name, folder);
        }
        (await server.PostAsync(Routes + "a/alias", """{"alias":"a2"}""")).Ok();
        double[] merged = await ScoresAsync("\"model\":\"sum\"");
        double[] mixed = await ScoresAsync("""
            "adapters":[{"name":"a","weight":0.7},{"name":"b","weight":-0.4}]
            """);
        Assert.All(merged.Zip(mixed), p => Assert.Equal(p.First, p.Second, 1e-5 * (1 + Math.Abs(p.First))));
        Assert.Equal(mixed, await ScoresAsync("""
            "adapters":[{"name":"b","weight":-0.4},{"name":"a","weight":0.7}]
            """));
        Assert.Equal(mixed, await ScoresAsync("""
            "merged_adapters":{"ids":["a","b"],"weights":[0.7,-0.4]}
            """));
        Assert.Equal(await ScoresAsync("\"model\":\"dora\""), await ScoresAsync("""
            "adapters":[{"name":"dora","weight":1}]
            """));
        foreach ((string fields, int status, string code, string param) in ((string, int, string, string)[])
        [
            ("\"adapters\":[]", 400, "invalid_value", "adapters"),
            ("\"adapters\":[" + string.Join(',', Enumerable.Repeat("{\"name\":\"a\",\"weight\":1}", 9)) + "]", 400, "limit_exceeded", "adapters"),
            ("""
            "adapters":[{"name":"a","weight":1},{"name":"a2","weight":1}]
            """, 400, "invalid_value", "adapters[1].name"),
            ("""
            "adapters":[{"name":"a"}]
            """, 400, "missing_required_parameter", "adapters[0].weight"),
            ("""
            "adapters":[{"name":"a","weight":8.5}]
            """, 400, "invalid_value", "adapters[0].weight"),
            ("""
            "adapters":[{"name":"a","weight":1e999}]
            """, 400, "invalid_value", "adapters[0].weight"),
            ("""
            "adapters":[{"name":"a","weight":1},{"name":"nobody","weight":1}]
            """, 404, "model_not_found", "adapters[1].name"),
            ("""
            "model":"b","adapters":[{"name":"a","weight":1}]
            """, 400, "conflicting_adapters", "model"),
            ("""
            "adapter_id":"b","adapters":[{"name":"a","weight":1}]
            """, 400, "conflicting_adapters", "adapters"),
            ("""
            "adapters":[{"name":"a","weight":1},{"name":"dora","weight":1}]
            """, 400, "adapter_not_mixable", "adapters[1].name"),
            ("""
            "adapters":[{"name":"dora","weight":0.5}]
            """, 400, "adapter_not_mixable", "adapters[0].name"),
            ("""
            "merged_adapters":{"ids":["a","b"],"merge_strategy":"ties"}
            """, 400, "unsupported_operation", "merged_adapters.merge_strategy"),
        ])
        {
            (await server.PostAsync("/v1/completions", "{\"prompt\":\"x\"," + fields.Trim() + "}")).Error(status, code, param);
        }

        async Task<double[]> ScoresAsync(string fields)
        {
            JsonElement answer = (await server.PostAsync("/v1/completions", "{\"prompt\":\"the same\",\"max_tokens\":1,\"temperature\":0,\"ignore_eos\":true,\"prompt_logprobs\":0," + fields.Trim() + "}")).Ok();
            return [.. answer.GetProperty("choices")[0].GetProperty("prompt_logprobs").EnumerateArray().Skip(1).Select(t => t.EnumerateObject().First().Value.GetProperty("logprob").GetDouble())];
        }
    }

    private static async Task<string> BitsAsync(TinyServer server, int number, int tokens = 0)
    {
        string prompt = string.Concat(Enumerable.Repeat("same beginning ", 3)) + new string((char)('a' + (number % 26)), 1 + (7 * number % 50));
        Answer answer = await server.PostAsync(
            "/v1/completions", $$"""{"model":"{{Adapters40[number]}}","prompt":"{{prompt}}","seed":{{number}},"max_tokens":{{(tokens > 0 ? tokens : 5 + number)}},"ignore_eos":true,"logprobs":2,"return_token_ids":true}""");
        return AnswerBits.Of(answer.Ok());
    }
}
