using System.Diagnostics;
using Lorikeet.Serving;
using Lorikeet.Testing;

namespace Lorikeet.Server.Tests.Batches;

/// <summary>Ten thousand registered adapters cost their rows: nothing of them is opened, looked for, or kept until somebody asks.</summary>
public sealed class TenThousandAdaptersTests
{
    private const int Registered = 10_000, Asked = 5;

    [Fact]
    public async Task Start_and_requests_touch_only_what_is_asked_for()
    {
        string folder = Directory.CreateTempSubdirectory("lorikeet-many-").FullName;
        try
        {
            string registry = Path.Combine(folder, "registry.db");
            await using (TinyServer first = await TinyServer.StartAsync((o, _) => o with { Registry = registry }))
            {
                // Of all but five the folder does not exist: whoever opened one would fail.
                await AdapterFarm.RegisterAsync(first.Server.Parts.Registry, Caller.DefaultTenant, Enumerable.Range(0, Registered).Select(i => (
                    $"adapter-{i}", i % (Registered / Asked) == 0 ? AdapterFarm.Folders[i / (Registered / Asked)] : Path.Combine(folder, "absent", $"{i}"))));
            }
            long asked = await QuestionsOfAnEmptyOneAsync();
            long start = Stopwatch.GetTimestamp();
            await using TinyServer server = await TinyServer.StartAsync((o, _) => o with { Registry = registry, RegistryPoll = TimeSpan.FromHours(1) });
            Registry known = server.Server.Parts.Registry;
            EngineInference inference = Assert.IsType<EngineInference>(server.Server.Parts.Inference);
            // The start asks the database as often as one with an empty registry does, and makes nothing for a name.
            Assert.Equal((Registered, 0), (known.Snapshot.Count, inference.KnownVersions));
            Assert.InRange(known.Asked, asked, asked + 1 + (Stopwatch.GetElapsedTime(start).TotalSeconds / 2));
            Assert.Equal((0, 0), (inference.Statistics.AdapterLoads, inference.Statistics.AdapterBytes));
            string[] answers = new string[Asked];
            for (int i = 0; i < 200; i++)
            {
                string answer = await server.CompleteAsync($"adapter-{i % Asked * (Registered / Asked)}");
                Assert.Equal(answers[i % Asked] ??= answer, answer);
            }
            EngineStatistics figures = inference.Statistics;
            Assert.Equal((Asked, 0, 0), (figures.AdapterLoads, figures.AdapterLoadFailures, figures.AdapterEvictions));
            Assert.Equal((Asked, Asked), (figures.ResidentAdapters.Count, inference.KnownVersions));
            Assert.Contains($"lorikeet_adapters_registered {Registered}", (await server.GetAsync("/metrics")).Body, StringComparison.Ordinal);
            // Upkeep asks every five seconds, requests never.
            Assert.InRange(known.Asked, asked, asked + 10 + Stopwatch.GetElapsedTime(start).TotalSeconds);
            // What is not there is refused by itself, and the rest goes on.
            (await server.PostAsync("/v1/completions", """{"model":"adapter-1","prompt":"a"}""")).Error(400, "invalid_adapter");
            Assert.Equal(answers[0], await server.CompleteAsync("adapter-0"));
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    /// <summary>One request allocates as much with ten names in the registry as with ten thousand.</summary>
    [Fact]
    public async Task Finding_a_name_costs_the_same_among_ten_and_among_ten_thousand()
    {
        await using TinyServer few = await TinyServer.StartAsync(), many = await TinyServer.StartAsync();
        await AdapterFarm.RegisterAsync(few.Server.Parts.Registry, Caller.DefaultTenant, Names(10));
        await AdapterFarm.RegisterAsync(many.Server.Parts.Registry, Caller.DefaultTenant, Names(Registered));
        // While the code is compiled anew, now with fewer allocations, two figures may come from either side of that.
        await Wait.UntilAsync(async () => await FindAsync(few) == await FindAsync(many));

        static IEnumerable<(string, string)> Names(int count) => Enumerable.Range(0, count).Select(i => ($"adapter-{i}", "/no/such/folder"));

        static async Task<long> FindAsync(TinyServer server)
        {
            long bytes = 0;
            for (int i = 0; i < 50; i++)
            {
                long before = GC.GetAllocatedBytesForCurrentThread();
                Task<BoundAdapter?> found = server.Server.Parts.Directory.FindAsync(Caller.Everybody, "adapter-7", "model", CancellationToken.None);
                bytes = GC.GetAllocatedBytesForCurrentThread() - before;
                Assert.Equal("adapter-7", (await found)?.Name);
            }
            return bytes;
        }
    }

    private static async Task<long> QuestionsOfAnEmptyOneAsync()
    {
        await using TinyServer empty = await TinyServer.StartAsync((o, folder) => o with { Registry = Path.Combine(folder, "empty.db"), RegistryPoll = TimeSpan.FromHours(1) });
        return empty.Server.Parts.Registry.Asked;
    }
}
