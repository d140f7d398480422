using Lorikeet.Models;

namespace Lorikeet.Serving.Tests;

/// <summary>Adapters come when a request wants them, stay while it runs, and go when others need the room; reading them never holds up others.</summary>
[Collection("team")]
public sealed class AdapterCacheTests : IDisposable
{
    private readonly LanguageModel model = TinyModel.Create();

    public void Dispose() => model.Dispose();

    [Fact]
    public void Files_are_opened_once_for_64_adapters_and_128_requests()
    {
        TinySource[] sources = [.. Enumerable.Range(0, 64).Select(i => new TinySource(i))];
        AdapterVersion[] versions = [.. sources.Select((s, i) => new AdapterVersion($"{i}", s))];
        using Engine engine = new(model);
        List<Answer> answers = Answers.Run(engine, [.. Enumerable.Range(0, 128).Select(i => Ask(versions[i % 64], i))]);
        Assert.All(sources, source => Assert.Equal(1, source.Reads));
        Assert.Equal(64, engine.Statistics.AdapterLoads);
        Assert.Equal(128, answers.Count(a => a.Finish == FinishReason.Length));
    }

    [Fact]
    public void Unused_adapters_make_room_the_oldest_first_and_used_ones_stay()
    {
        TinySource[] sources = [.. Enumerable.Range(0, 3).Select(_ => new TinySource(5))];
        AdapterVersion[] versions = [.. sources.Select((s, i) => new AdapterVersion($"{i}", s))];
        long room = (2 * TinySource.Bytes(model, 5)) + Pages(1);
        using Engine engine = new(model, new EngineOptions { CacheBytes = room, LoaderThreads = 0, PrefixCaching = false });
        foreach (int i in (ReadOnlySpan<int>)[0, 1, 0, 2])
        {
            Answers.Run(engine, [Ask(versions[i], i)]);
        }
        Assert.Equal([1, 1, 1], sources.Select(s => s.Reads));
        Assert.Equal(["2", "0"], engine.Statistics.ResidentAdapters.Select(v => v.Name));
        Answers.Run(engine, [Ask(versions[1], 1)]);
        Assert.Equal([1, 2, 1], sources.Select(s => s.Reads));
        Assert.Equal(["1", "2"], engine.Statistics.ResidentAdapters.Select(v => v.Name));
    }

    private GenerationRequest Ask(AdapterVersion version, int number) => new()
    {
        Prompt = TinyModel.Prompt(number, 4),
        Adapters = [new AdapterShare(version)],
        MaxTokens = 3,
        EndIds = [],
        Sampling = SamplingOptions.Greedy,
    };

    private long Pages(int blocks) => blocks * new StateLayout(model).Bytes(SequenceState.PageTokens, SequenceState.PageTokens);
}
