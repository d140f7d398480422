using Lorikeet.Models;

namespace Lorikeet.Serving.Tests;

/// <summary>Thousands of names, few adapters in memory.</summary>
[Collection("team")]
public sealed class ManyAdaptersTests : IDisposable
{
    private readonly LanguageModel model = TinyModel.Create();

    public void Dispose() => model.Dispose();

    [Fact]
    public void A_thousand_registered_200_in_rotation_64_in_flight()
    {
        const int Registered = 1000, Rotation = 200, Requests = 600;
        AdapterCatalog catalog = new();
        TinySource[] sources = [.. Enumerable.Range(0, Registered).Select(i => new TinySource(i % 40))];
        for (int i = 0; i < Registered; i++)
        {
            catalog.Set($"adapter {i}", sources[i], $"{i}");
        }
        List<GenerationRequest> requests = [.. Enumerable.Range(0, Requests).Select(i => Ask(catalog.Find($"adapter {i * 7 % Rotation * 5}")!, i))];
        Dictionary<int, Answer> alone = [];
        // Room for some eighty adapters beside the pages of 64 answers.
        long room = (80 * TinySource.Bytes(model, 5)) + (64 * new StateLayout(model).Bytes(64, 64));
        using Engine engine = new(model, new EngineOptions { CacheBytes = room, MaxSequences = 64, PoisonFreedPages = true });
        List<Answer> answers = Answers.Run(engine, requests);
        engine.Audit();
        for (int i = 0; i < Requests; i += 13)
        {
            answers[i].IsEqualTo(Answers.Run(model, new EngineOptions { LoaderThreads = 0 }, [requests[i]])[0]);
        }
        Assert.All(answers, a => Assert.Equal(FinishReason.Length, a.Finish));
        Assert.Equal(Rotation, sources.Count(s => s.Reads > 0));
        Assert.True(engine.Statistics.StepAdapters.Count(7) + engine.Statistics.StepAdapters.Count(6) > 0, "no step had 17 adapters or more");
        Assert.InRange(engine.Pool.UsedBytes, 1, room);
    }

    [Fact]
    public void Ten_thousand_names_cost_their_names_and_open_nothing()
    {
        AdapterCatalog catalog = new();
        TinySource source = new(3);
        // Grown before: growing is not what a name costs.
        long before = GC.GetAllocatedBytesForCurrentThread();
        for (int i = 0; i < 10_000; i++)
        {
            catalog.Set($"tenant/adapter-{i}", source, $"sha256-{i}");
        }
        long allocated = GC.GetAllocatedBytesForCurrentThread() - before;
        // A name, a hash, a version, an entry of a table that doubles.
        Assert.InRange(allocated / 10_000, 1, 1000);
        Assert.Equal((0, 10_000), (source.Reads, catalog.Count));
        using Engine few = new(model, new EngineOptions { LoaderThreads = 0 }), many = new(model, new EngineOptions { LoaderThreads = 0 });
        Assert.Equal(Steady(few, [.. Enumerable.Range(0, 3).Select(TinySource.Version)]), Steady(many, [.. Enumerable.Range(0, 3).Select(i => catalog.Find($"tenant/adapter-{i * 3000}")!)]));
        Assert.Equal(3, source.Reads);
        Assert.Equal(3, many.Adapters.Entries.Count);
    }

    /// <summary>Bytes that twenty steady steps allocate, and their rows.</summary>
    private static (long Allocated, long Rows) Steady(Engine engine, AdapterVersion[] versions)
    {
        foreach (AdapterVersion version in versions)
        {
            engine.Add(Ask(version, 1) with { MaxTokens = 300 });
        }
        for (int i = 0; i < 160; i++)
        {
            engine.Step();
        }
        long before = GC.GetAllocatedBytesForCurrentThread(), rows = engine.TotalRows;
        for (int i = 0; i < 20; i++)
        {
            engine.Step();
        }
        return (GC.GetAllocatedBytesForCurrentThread() - before, engine.TotalRows - rows);
    }

    private static GenerationRequest Ask(AdapterVersion version, int number) => new()
    {
        Prompt = TinyModel.Prompt(number, 5),
        Adapters = [new AdapterShare(version)],
        MaxTokens = 4,
        EndIds = [],
        Sampling = SamplingOptions.Greedy,
    };
}
