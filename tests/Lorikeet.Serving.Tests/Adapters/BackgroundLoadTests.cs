using Lorikeet.Models;
using Lorikeet.Models.Files;

namespace Lorikeet.Serving.Tests;

/// <summary>A slow disk, a broken file, a name that is replaced or removed: only those who asked for that adapter notice.</summary>
[Collection("team")]
public sealed class BackgroundLoadTests : IDisposable
{
    private readonly LanguageModel model = TinyModel.Create();

    public void Dispose() => model.Dispose();

    [Fact]
    public void Others_run_to_their_end_while_an_adapter_is_read()
    {
        TaskCompletionSource go = new();
        AdapterVersion slow = new("slow", new TinySource(1, () => go.Task)), quick = TinySource.Version(2);
        using Engine engine = new(model);
        int first = engine.Add(Ask(1, slow)), second = engine.Add(Ask(2, quick)), third = engine.Add(Ask(3));
        List<int> ended = [];
        while (ended.Count < 2)
        {
            ended.AddRange(Ended(engine));
        }
        Assert.Equal([second, third], ended.Order());
        Assert.Equal((0, 1, 1L), (engine.Running, engine.Waiting, engine.Statistics.WaitingForAdapters));
        Assert.True(engine.OnlyWaits);
        go.SetResult();
        engine.WaitForAdapter(TimeSpan.FromSeconds(30));
        while (engine.HasWork)
        {
            ended.AddRange(Ended(engine));
        }
        Assert.Equal(first, ended[^1]);
    }

    [Fact]
    public void A_broken_adapter_fails_its_own_requests_and_is_read_again_for_the_next()
    {
        TinySource source = new(1) { Error = new BadFileException("x: the file is broken") };
        AdapterVersion broken = new("broken", source);
        using Engine engine = new(model);
        int[] bad = [engine.Add(Ask(1, broken)), engine.Add(Ask(2, broken))];
        int good = engine.Add(Ask(3, TinySource.Version(2)));
        Dictionary<int, GenerationEvent> last = Last(engine);
        Assert.Equal(FinishReason.Length, last[good].Finish);
        foreach (int id in bad)
        {
            Assert.Equal(FinishReason.Failed, last[id].Finish);
            AdapterLoadException error = Assert.IsType<AdapterLoadException>(last[id].Error);
            Assert.Equal("adapter broken: x: the file is broken", error.Message);
            Assert.IsType<BadFileException>(error.InnerException);
        }
        Assert.Equal((1, 1L), (source.Reads, broken.Figures.LoadFailures));
        source.Error = null;
        int again = engine.Add(Ask(1, broken));
        Assert.Equal(FinishReason.Length, Last(engine)[again].Finish);
        engine.Audit();
    }

    [Fact]
    public void Files_that_are_not_there_fail_the_request_with_the_reason()
    {
        using Engine engine = new(model);
        int id = engine.Add(Ask(1, new AdapterVersion("nowhere", AdapterSource.Folder("/nowhere"))));
        Assert.Contains("/nowhere", Last(engine)[id].Error!.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_name_that_is_replaced_leaves_running_requests_their_numbers()
    {
        AdapterCatalog catalog = new();
        AdapterVersion old = catalog.Set("bot", new TinySource(1), "one");
        List<int> alone = Answers.Run(model, new EngineOptions(), [Ask(1, old)])[0].Ids, other = Answers.Run(model, new EngineOptions(), [Ask(1, TinySource.Version(5))])[0].Ids;
        using Engine engine = new(model);
        Dictionary<int, List<int>> ids = [];
        int running = engine.Add(Ask(1, catalog.Find("bot")!));
        while (engine.Statistics.GeneratedTokens + ids.Values.Sum(i => i.Count) < 2)
        {
            Collect(engine, ids);
        }
        catalog.Set("bot", new TinySource(5), "two", out AdapterVersion? replaced);
        Assert.Same(old, replaced);
        engine.Retire(replaced!);
        int after = engine.Add(Ask(1, catalog.Find("bot")!));
        while (engine.HasWork)
        {
            Collect(engine, ids);
        }
        Assert.Equal(alone, ids[running]);
        Assert.Equal(other, ids[after]);
        Assert.NotEqual(alone, other);
        Assert.Equal(0, replaced!.Figures.Bytes);
        Assert.Equal(["bot"], engine.Statistics.ResidentAdapters.Select(v => v.Name));
        engine.Audit();
    }

    [Fact]
    public void A_removed_adapter_serves_what_is_bound_to_it_and_then_leaves_memory_as_it_was()
    {
        AdapterVersion version = TinySource.Version(1);
        using Engine engine = new(model);
        long before = engine.Pool.ChargedBytes;
        // One that runs, one that waits and has not been read yet: both were bound before it was removed.
        int first = engine.Add(Ask(1, version)), second = engine.Add(Ask(2, version));
        engine.Retire(version);
        Dictionary<int, GenerationEvent> last = Last(engine);
        Assert.Equal((FinishReason.Length, FinishReason.Length), (last[first].Finish, last[second].Finish));
        Assert.Equal(before, engine.Pool.ChargedBytes);
        Assert.Empty(engine.Adapters.Entries);
        // Nobody can ask for its prompts any more: what was kept of them is gone.
        Assert.Equal(0, engine.Pool.PageBytes);
    }

    [Fact]
    public void A_pinned_adapter_stays_whatever_else_needs_room()
    {
        AdapterVersion[] versions = [.. Enumerable.Range(0, 6).Select(_ => new AdapterVersion("v", new TinySource(5)))];
        long room = (2 * TinySource.Bytes(model, 5)) + new StateLayout(model).Bytes(32, 32);
        using Engine engine = new(model, new EngineOptions { CacheBytes = room, LoaderThreads = 0, PrefixCaching = false });
        engine.Pin(versions[0]);
        foreach (AdapterVersion version in versions)
        {
            Assert.Equal(FinishReason.Length, Answers.Run(engine, [Ask(1, version)])[0].Finish);
        }
        Assert.Contains(versions[0], engine.Statistics.ResidentAdapters);
        Assert.Equal(1, versions[0].Figures.Loads);
        // Two pinned ones leave a third no room at all: its request says so instead of waiting for ever.
        engine.Pin(versions[5]);
        int id = engine.Add(Ask(1, versions[1]));
        Assert.Contains("pinned", Last(engine)[id].Error!.Message, StringComparison.Ordinal);
        engine.Pin(versions[5], pinned: false);
        Assert.Equal(FinishReason.Length, Answers.Run(engine, [Ask(1, versions[1])])[0].Finish);
        engine.Audit();
    }

    [Fact]
    public void An_adapter_larger_than_it_seemed_is_read_again_when_there_is_room_for_it()
    {
        TinySource source = new(5);
        AdapterVersion large = new("large", source);
        long room = TinySource.Bytes(model, 5) + new StateLayout(model).Bytes(32, 32);
        using Engine engine = new(model, new EngineOptions { CacheBytes = room, LoaderThreads = 0, PrefixCaching = false });
        int bare = engine.Add(Ask(1)), second = engine.Add(Ask(2)), third = engine.Add(Ask(3, large));
        Dictionary<int, GenerationEvent> last = Last(engine);
        Assert.All((int[])[bare, second, third], id => Assert.Equal(FinishReason.Length, last[id].Finish));
        Assert.InRange(source.Reads, 1, 2);
    }

    private static GenerationRequest Ask(int number, AdapterVersion? version = null) => new()
    {
        Prompt = TinyModel.Prompt(number, 4),
        Adapters = version is null ? [] : [new AdapterShare(version)],
        MaxTokens = 6,
        EndIds = [],
        Sampling = SamplingOptions.Greedy,
    };

    private static List<int> Ended(Engine engine)
    {
        List<int> ids = [];
        foreach (GenerationEvent next in engine.Step())
        {
            if (next.Finish != FinishReason.None)
            {
                ids.Add(next.Id);
            }
        }
        return ids;
    }

    private static void Collect(Engine engine, Dictionary<int, List<int>> ids)
    {
        engine.WaitForAdapter(TimeSpan.FromSeconds(30));
        foreach (GenerationEvent next in engine.Step())
        {
            ids.TryAdd(next.Id, []);
            ids[next.Id].Add(next.Token);
        }
    }

    private static Dictionary<int, GenerationEvent> Last(Engine engine)
    {
        Dictionary<int, GenerationEvent> last = [];
        while (engine.HasWork)
        {
            engine.WaitForAdapter(TimeSpan.FromSeconds(30));
            foreach (GenerationEvent next in engine.Step())
            {
                last[next.Id] = next;
            }
        }
        return last;
    }
}
