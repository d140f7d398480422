using Lorikeet.Kernels;
using Lorikeet.Models;
using Lorikeet.Tensors;

namespace Lorikeet.Serving.Tests;

/// <summary>Adapters that come find memory that was touched before they were asked for; it is bounded, and goes with the engine.</summary>
[Collection("team")]
public sealed class ReadyMemoryTests : IDisposable
{
    private const long Size = 3 << 20;
    private readonly LanguageModel model = TinyModel.Create();

    public void Dispose() => model.Dispose();

    [Fact]
    public void Adapters_in_a_row_take_what_lies_ready_and_more_is_made_ready()
    {
        AdapterVersion[] versions = [.. Enumerable.Range(0, 5).Select(i => new AdapterVersion($"{i}", new LargeSource()))];
        using (Engine engine = new(model))
        {
            engine.Expect(Size);
            engine.Expect(Size);
            Reaches(2 * Size);
            foreach (AdapterVersion version in versions)
            {
                Answers.Run(engine, [Ask(version)]);
                // Whatever it took is replaced: two more like it, whose size is known by now.
                Reaches(2 * version.Figures.Bytes);
            }
            Assert.InRange(versions[0].Figures.Bytes, Size / 2, Size);
            Assert.Equal(5, engine.Statistics.AdapterLoads);
            // None was thrown out: there was room for all.
            Assert.Equal(5, engine.Adapters.Entries.Count);
            engine.Audit();
        }
        Assert.Equal(0, ReadyMemory.Bytes);
    }

    [Fact]
    public void A_full_cache_touches_nothing_ahead_and_uses_the_memory_of_those_that_go()
    {
        AdapterVersion[] versions = [.. Enumerable.Range(0, 12).Select(i => new AdapterVersion($"{i}", new LargeSource()))];
        using (Engine engine = new(model, new EngineOptions { CacheBytes = 13 << 20, PrefixCaching = false }))
        {
            engine.Expect(Size);
            engine.Expect(Size);
            // A quarter of the cache is room for one of them, not for two.
            Reaches(Size);
            foreach (AdapterVersion version in versions)
            {
                Answers.Run(engine, [Ask(version)]);
                Assert.InRange(ReadyMemory.Bytes, 0, (13 << 20) / 4);
            }
            Assert.InRange(engine.Statistics.AdapterEvictions, 6, 10);
            engine.Audit();
        }
        Assert.Equal(0, ReadyMemory.Bytes);
    }

    [Fact]
    public void Ten_thousand_expected_ones_make_no_more_ready_than_64()
    {
        using (Engine engine = new(model))
        {
            for (int i = 0; i < 10_000; i++)
            {
                engine.Expect(Size);
            }
            Reaches(64 * Size);
            Assert.Equal(64 * Size, ReadyMemory.Bytes);
        }
        Assert.Equal(0, ReadyMemory.Bytes);
    }

    [Fact]
    public void Without_threads_that_read_nothing_happens_beside_the_steps()
    {
        using Engine engine = new(model, new EngineOptions { LoaderThreads = 0 });
        engine.Expect(Size);
        Answers.Run(engine, [Ask(new AdapterVersion("one", new LargeSource()))]);
        Assert.Equal(0, ReadyMemory.Bytes);
    }

    private static void Reaches(long bytes) =>
        Assert.True(SpinWait.SpinUntil(() => ReadyMemory.Bytes >= bytes, TimeSpan.FromSeconds(60)), $"{ReadyMemory.Bytes} bytes lie ready; expected {bytes}");

    private static GenerationRequest Ask(AdapterVersion version) => new()
    {
        Prompt = TinyModel.Prompt(1, 4),
        Adapters = [new AdapterShare(version)],
        MaxTokens = 3,
        EndIds = [],
        Sampling = SamplingOptions.Greedy,
    };

    /// <summary>Low-rank changes of some 2.5 MB.</summary>
    private sealed class LargeSource : AdapterSource
    {
        public override string Place => "large";

        public override long EstimateBytes() => Size;

        public override Adapter Read(string name, LanguageModel model, FactorStorage factors)
        {
            Adapter adapter = new(name, model);
            foreach (LinearSite site in model.Sites.OfType<LinearSite>().Where(s => !s.IsHead))
            {
                adapter.Set(site, new LowRankChange(site, 320, new CounterRandom((ulong)site.Index), lowers: true));
            }
            return adapter;
        }
    }
}
