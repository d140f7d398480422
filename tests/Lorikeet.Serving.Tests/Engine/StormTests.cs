using Lorikeet.Kernels;
using Lorikeet.Models;
using Lorikeet.Tensors;
using Xunit.Abstractions;

namespace Lorikeet.Serving.Tests;

/// <summary>Everything at once: no answer depends on what happens to others, and no page is lost.</summary>
[Collection("team")]
public sealed class StormTests(ITestOutputHelper output) : IDisposable
{
    private readonly LanguageModel model = TinyModel.Create();

    public void Dispose() => model.Dispose();

    // The longest request has some 200 positions: seven blocks of all layers. The pool holds three to six such, and a few adapters.
    private static long Room(int blocks) => blocks * 3L * PagedAttention.PageFloats(2, 12) * sizeof(float);

    [Theory]
    [InlineData(1, "fcfs", "lru", 0, 0)]
    [InlineData(2, "vtc", "lru", 4, 2)]
    [InlineData(3, "priority", "pages-first", 7, 0)]
    [InlineData(4, "abort", "pages-first", 2, 1)]
    public void Cancellations_deadlines_and_a_cache_too_small_for_all(ulong seed, string queue, string eviction, int drafts, int threads)
    {
        Storm storm = new(model, seed, 120, 12);
        EngineOptions options = new()
        {
            MaxSequences = 11,
            MaxRows = 45,
            CacheBytes = Room(30),
            Queue = queue,
            Eviction = eviction,
            DraftTokens = drafts,
            LoaderThreads = threads,
            PrefetchDepth = 5,
        };
        storm.Run(options, cancels: true);
        Assert.True(storm.Finished > 60, $"only {storm.Finished} came to their end");
        Assert.True(storm.Broken > 5, $"only {storm.Broken} were cancelled");
        Happened(storm, "preemptions", "hits", "loads", "adapter evictions", "evictions");
        if (drafts > 0)
        {
            Happened(storm, "accepted", "rejected");
        }
    }

    private void Happened(Storm storm, params string[] what)
    {
        output.WriteLine(string.Join(", ", storm.Figures.Select(f => $"{f.Value} {f.Key}")));
        Assert.All(what, name => Assert.True(storm.Figures[name] > 3, $"{storm.Figures[name]} {name}: the storm is too calm"));
    }

    [Fact]
    public void The_same_requests_under_any_options()
    {
        Storm storm = new(model, 9, 60, 8);
        foreach (EngineOptions options in (ReadOnlySpan<EngineOptions>)
        [
            new() { MaxRows = 1, MaxSequences = 3 },
            new() { MaxRows = 512, DraftTokens = 16 },
            new() { CacheBytes = Room(24), MaxRows = 33, DraftTokens = 3 },
            new() { CacheBytes = Room(40), ReserveWholeAnswers = true, Queue = "vtc" },
            new() { PrefixCaching = false, MaxRows = 64, CacheBytes = Room(24) },
        ])
        {
            storm.Run(options, cancels: false);
        }
        Happened(storm, "preemptions", "hits", "accepted", "rejected", "adapter evictions");
    }

    [Theory]
    [InlineData("windows in some layers")]
    [InlineData("windows in all layers")]
    [InlineData("longrope")]
    [InlineData("dynamic")]
    public void Models_that_forget_or_turn_their_keys(string kind)
    {
        using LanguageModel other = ModelLoader.Build(Config(kind), new RandomSource(new CounterRandom(9), ElementType.F32, 0.3f));
        Storm storm = new(other, 21, 70, 9);
        long page = 3L * PagedAttention.PageFloats(2, 8) * sizeof(float);
        foreach (EngineOptions options in (ReadOnlySpan<EngineOptions>)
        [
            new() { MaxRows = 45, CacheBytes = 16 * page, MaxSequences = 9, DraftTokens = 4 },
            new() { MaxRows = 7 },
            new() { CacheBytes = 60 * page, ReserveWholeAnswers = true, DraftTokens = 8 },
        ])
        {
            storm.Run(options, cancels: false);
        }
        Happened(storm, "hits", "accepted", "rejected", "preemptions");
    }

    private static ModelConfig Config(string kind) => new()
    {
        ModelType = kind == "longrope" ? "phi3" : kind == "dynamic" ? "llama" : "qwen3",
        HiddenSize = 48,
        IntermediateSize = 80,
        Layers = 3,
        Heads = 6,
        KeyHeads = 2,
        HeadDim = 8,
        VocabularySize = TinyModel.Vocabulary,
        MaxPositions = 512,
        QueryKeyNorm = kind.StartsWith("windows", StringComparison.Ordinal),
        Windows = kind switch { "windows in some layers" => [8, 0, 40], "windows in all layers" => [8, 64, 40], _ => [] },
        Rope = kind switch
        {
            "longrope" => new RopeSettings
            {
                Kind = RopeKind.LongRope,
                Factor = 4,
                OriginalPositions = 70,
                AttentionFactor = 1.2,
                ShortFactors = [1, 1.1, 1.2, 1.3],
                LongFactors = [1.5, 3.5, 6, 8],
            },
            "dynamic" => new RopeSettings { Kind = RopeKind.Dynamic, Factor = 2, OriginalPositions = 70 },
            _ => new RopeSettings(),
        },
    };
}
