using Lorikeet.Models;

namespace Lorikeet.Serving.Tests;

/// <summary>What is kept of past prompts: who finds it, who must not, and when it goes.</summary>
[Collection("team")]
public sealed class PrefixTests : IDisposable
{
    private static readonly AdapterVersion one = new("one", new TinySource(1), "hash one");
    private readonly LanguageModel model = TinyModel.Create();
    private readonly Engine engine;

    public PrefixTests() => engine = new Engine(model, new EngineOptions { PoisonFreedPages = true, LoaderThreads = 0 });

    public void Dispose()
    {
        engine.Dispose();
        model.Dispose();
    }

    [Theory]
    [InlineData(31, 0)]
    [InlineData(32, 0)]
    [InlineData(33, 32)]
    [InlineData(64, 32)]
    [InlineData(100, 96)]
    public void The_same_prompt_is_computed_once_up_to_whole_blocks_and_its_last_token(int length, int cached)
    {
        GenerationRequest request = Ask(length);
        Assert.Equal(0, Run(request).CachedTokens);
        long rows = engine.TotalRows;
        Assert.Equal(cached, Run(request).CachedTokens);
        Assert.Equal(length - cached + request.MaxTokens - 1, engine.TotalRows - rows);
    }

    [Fact]
    public void Nothing_is_found_across_adapters_weights_tenants_or_salts()
    {
        GenerationRequest request = Ask(100);
        AdapterVersion two = new("two", new TinySource(4), "hash two");
        GenerationRequest[] different =
        [
            request,
            request with { Adapters = [new AdapterShare(one)] },
            request with { Adapters = [new AdapterShare(two)] },
            request with { Adapters = [new AdapterShare(one, 0.5f)] },
            request with { Adapters = [new AdapterShare(one, 0.5f), new AdapterShare(two, 0.5f)] },
            request with { Tenant = "a" },
            request with { Tenant = "b" },
            request with { Tenant = "a", CacheSalt = "x" },
            request with { CacheSalt = "ax" },
            request with { Adapters = [new AdapterShare(one)], Tenant = "a" },
        ];
        Assert.All(different, r => Assert.Equal(0, Run(r).CachedTokens));
        Assert.All(different, r => Assert.Equal(96, Run(r).CachedTokens));
        // The order of a mixture's entries, and those of weight 0, change nothing.
        Assert.Equal(96, Run(request with { Adapters = [new AdapterShare(two, 0.5f), new AdapterShare(one, 0.5f)] }).CachedTokens);
        Assert.Equal(96, Run(request with { Adapters = [new AdapterShare(two, 0f), new AdapterShare(one)] }).CachedTokens);
        // Another version of the same content is the same adapter.
        Assert.Equal(96, Run(request with { Adapters = [new AdapterShare(new AdapterVersion("again", new TinySource(1), "hash one"))] }).CachedTokens);
        // Without a hash a version is like no other; an adapter that the caller holds may change.
        Assert.Equal(0, Run(request with { Adapters = [new AdapterShare(new AdapterVersion("one", new TinySource(1)))] }).CachedTokens);
        using Adapter held = TinyModel.Adapter(model, 1);
        Assert.Equal([0, 0], Enumerable.Range(0, 2).Select(_ => Run(request with { Adapter = held }).CachedTokens));
    }

    [Fact]
    public void An_answer_is_found_by_the_next_turn_of_its_conversation()
    {
        GenerationRequest request = Ask(40) with { MaxTokens = 60 };
        int[] answer = [.. Answers.Run(engine, [request])[0].Ids];
        GenerationRequest next = request with { Prompt = [.. request.Prompt, .. answer, 1, 2, 3], MaxTokens = 3 };
        // 40 + 60 tokens; the last has no keys and values, for nothing came after it.
        Assert.Equal(96, Run(next).CachedTokens);
    }

    [Fact]
    public void What_is_kept_goes_when_running_requests_need_the_room()
    {
        long block = new StateLayout(model).Bytes(32, 32);
        using Engine small = new(model, new EngineOptions { CacheBytes = 6 * block, PoisonFreedPages = true });
        // Of the first prompt its end went, its beginning is still there.
        Assert.Equal([0, 96, 0, 64], ((int[])[1, 1, 2, 1]).Select(number => Run(small, Ask(100, number)).CachedTokens));
        Assert.True(small.Statistics.Evictions > 0);
        Assert.InRange(small.Pool.UsedBytes, 0, 6 * block);
        small.Audit();
    }

    [Fact]
    public void Changed_weights_forget_everything()
    {
        Run(Ask(100));
        engine.ForgetPrefixes();
        Assert.Equal(0, engine.Pool.PageBytes);
        Assert.Equal(0, Run(Ask(100)).CachedTokens);
    }

    [Fact]
    public void Several_answers_read_one_prompt_from_the_same_pages()
    {
        using Adapter held = TinyModel.Adapter(model, 1);
        GenerationRequest request = Ask(100) with { Choices = 8, Adapter = held, MaxTokens = 20, Sampling = new() { Seed = 5 } };
        int id = engine.Add(request);
        long most = 0, rows = 0;
        Dictionary<int, List<int>> tokens = [];
        while (engine.HasWork)
        {
            foreach (GenerationEvent next in engine.Step())
            {
                Assert.Equal(id, next.Id);
                tokens.TryAdd(next.Choice, []);
                tokens[next.Choice].Add(next.Token);
            }
            most = Math.Max(most, engine.Pool.PageBytes);
            rows = engine.TotalRows;
            engine.Audit();
        }
        // Three whole blocks once, and a fourth of its own for each.
        Assert.Equal((3 + 8) * new StateLayout(model).Bytes(32, 32), most);
        Assert.Equal(100 + (7 * 4) + (8 * 19), rows);
        Assert.Equal(8, tokens.Values.Select(t => string.Join(' ', t)).Distinct().Count());
        Assert.Equal(Answers.Run(engine, [request with { Choices = 1 }])[0].Ids, tokens[0]);
        Assert.Equal(0, engine.Pool.PageBytes);
    }

    private RequestUsage Run(GenerationRequest request) => Run(engine, request);

    private static RequestUsage Run(Engine on, GenerationRequest request)
    {
        on.Add(request);
        RequestUsage? usage = null;
        while (on.HasWork)
        {
            foreach (GenerationEvent next in on.Step())
            {
                Assert.Null(next.Error);
                usage = next.Usage ?? usage;
            }
        }
        return usage!;
    }

    private static GenerationRequest Ask(int length, int number = 1) => new()
    {
        Prompt = TinyModel.Prompt(number, length),
        MaxTokens = 3,
        EndIds = [],
        Sampling = SamplingOptions.Greedy,
    };
}
