using Lorikeet.Kernels;
using Lorikeet.Models;
using Lorikeet.Tensors;
using Xunit.Abstractions;

namespace Lorikeet.Serving.Tests;

/// <summary>
/// S-LoRA's experiment on a small model, in the time of a machine that multiplies 98 thousand million times a second and reads 14 GB: work is counted, so
/// that the figures are the same on every machine and however busy it is.
/// </summary>
[Collection("team")]
public sealed class SLoraExperiment(ITestOutputHelper output) : IDisposable
{
    private const double FusedPerSecond = 98e9, BytesPerSecond = 14e9;
    private const int Requests = 256, Rank = 8;
    private readonly LanguageModel model = ModelLoader.Create(
        ModelConfig.S with { HiddenSize = 192, IntermediateSize = 512, Heads = 6, KeyHeads = 2, HeadDim = 32, Layers = 3, VocabularySize = 512, MaxPositions = 256 },
        new CounterRandom(1),
        ElementType.F32);

    public void Dispose() => model.Dispose();

    [Fact]
    [Trait("Card", "S-LoRA 6")]
    public void Throughput_is_flat_beyond_a_hundred_adapters_and_beats_merging()
    {
        Dictionary<int, double> own = [], merged = [];
        foreach (int adapters in (ReadOnlySpan<int>)[1, 8, 100, 1000])
        {
            own[adapters] = Requests / Own(adapters);
            merged[adapters] = Requests / Merging(adapters);
            output.WriteLine($"{adapters} adapters: {own[adapters]:F0} requests/s, merging and swapping {merged[adapters]:F0}");
        }
        Assert.InRange(own[1000] / own[100], 0.9, 1.1);
        Assert.True(own[8] >= 3 * merged[8] && own[100] >= 3 * merged[100]);
        // One adapter merged once is the bare model: all that it loses is that its batches wait for their longest answers.
        Assert.InRange(merged[1] / own[1], 0.9, 1.2);
    }

    [Fact]
    [Trait("Card", "S-LoRA 6")]
    public void Mixed_ranks_cost_their_own_ranks_not_the_largest()
    {
        AdapterVersion[] versions = [.. Enumerable.Range(0, 32).Select(i => new AdapterVersion($"{i}", new Ranked(i, i % 2 == 0 ? 8 : 64)))];
        long with = Fused(i => [new AdapterShare(versions[i])]), without = Fused(_ => []);
        long each = Sites(model).Sum(s => (long)(s.Inputs + s.Outputs));
        Assert.Equal(16 * (8 + 64) * each, with - without);
        // Padded to the largest rank, as a batched product would have it.
        Assert.True(32 * 64 * each > 1.7 * (with - without));

        long Fused(Func<int, AdapterShare[]> shares)
        {
            using Engine engine = new(model, new EngineOptions { LoaderThreads = 0, PrefixCaching = false });
            for (int i = 0; i < 32; i++)
            {
                engine.Add(Ask(i, 8) with { Adapters = shares(i) });
            }
            for (int i = 0; i < 4; i++)
            {
                engine.Step();
            }
            long before = KernelWork.Fused;
            engine.Step();
            return KernelWork.Fused - before;
        }
    }

    [Fact]
    [Trait("Card", "S-LoRA 6")]
    public void Under_overload_early_abort_answers_more_in_time_than_first_come_first_served()
    {
        (double Time, int Adapter)[] trace = Workload.Draw(50, 1, 12, 4, 60, 3);
        double first = Attainment("fcfs", trace, drops: false), dropping = Attainment("fcfs", trace, drops: true), abort = Attainment("abort", trace, drops: true);
        output.WriteLine($"first token within 6 s: first come {first:P0}, dropping what is late {dropping:P0}, early abort {abort:P0}");
        Assert.True(abort > first + 0.1, $"abort {abort:P0}, first come {first:P0}");
    }

    /// <summary>The share of requests whose first token came within 6 seconds, on a machine that makes ten steps a second for four at once.</summary>
    private double Attainment(string queue, (double Time, int Adapter)[] trace, bool drops)
    {
        ManualClock clock = new();
        using Engine engine = new(model, new EngineOptions { Queue = queue, Clock = clock, MaxSequences = 4, LoaderThreads = 0 });
        AdapterVersion[] versions = [.. Enumerable.Range(0, 50).Select(i => new AdapterVersion($"{i}", new Ranked(i, 4)))];
        int next = 0, inTime = 0;
        for (double now = 0; next < trace.Length || engine.HasWork; now += 0.1)
        {
            for (; next < trace.Length && trace[next].Time <= now; next++)
            {
                engine.Add(Ask(next, 6) with { Adapters = [new AdapterShare(versions[trace[next].Adapter])], StartWithin = drops ? TimeSpan.FromSeconds(5.5) : null });
            }
            foreach (GenerationEvent e in engine.Step())
            {
                inTime += e.Usage is { GeneratedTokens: > 0 } usage && usage.ToFirstToken <= TimeSpan.FromSeconds(6) ? 1 : 0;
            }
            clock.Advance(TimeSpan.FromSeconds(0.1));
        }
        return inTime / (double)trace.Length;
    }

    /// <summary>Seconds for all requests, each row with its own adapter.</summary>
    private double Own(int adapters)
    {
        AdapterVersion[] versions = [.. Enumerable.Range(0, adapters).Select(i => new AdapterVersion($"{i}", new Ranked(i, Rank)))];
        using Engine engine = new(model, new EngineOptions { LoaderThreads = 0, PrefixCaching = false });
        for (int i = 0; i < Requests; i++)
        {
            engine.Add(Ask(i, Length(i)) with { Adapters = [new AdapterShare(versions[i % adapters])] });
        }
        return Time(engine);
    }

    /// <summary>Seconds where one adapter at a time is merged: of the 64 that wait longest, those of the first one's adapter run together.</summary>
    private double Merging(int adapters)
    {
        List<int> waiting = [.. Enumerable.Range(0, Requests)];
        double seconds = 0;
        int merged = -1;
        while (waiting.Count > 0)
        {
            int adapter = waiting[0] % adapters;
            int[] batch = [.. waiting.Take(64).Where(i => i % adapters == adapter)];
            waiting.RemoveAll(batch.Contains);
            if (adapter != merged)
            {
                // The old one is taken out and the new one added: each weight is read and written, twice.
                long numbers = Sites(model).Sum(s => (long)s.Inputs * s.Outputs);
                seconds += 2 * Math.Max(Rank * numbers / FusedPerSecond, 2 * numbers * sizeof(float) / BytesPerSecond);
                merged = adapter;
            }
            using Engine engine = new(model, new EngineOptions { PrefixCaching = false });
            Array.ForEach(batch, i => engine.Add(Ask(i, Length(i))));
            seconds += Time(engine);
        }
        return seconds;
    }

    // Uniform, as in the paper's traces: a batch that runs alone waits for its longest answer.
    private static int Length(int number) => 1 + new CounterRandom(2).Named("lengths").Integer((ulong)number, 32);

    private static double Time(Engine engine)
    {
        double seconds = 0;
        while (engine.HasWork)
        {
            long fused = KernelWork.Fused, bytes = KernelWork.WeightBytes;
            engine.Step();
            seconds += Math.Max((KernelWork.Fused - fused) / FusedPerSecond, (KernelWork.WeightBytes - bytes) / BytesPerSecond);
        }
        return seconds;
    }

    private static IEnumerable<LinearSite> Sites(LanguageModel model) => model.Sites.OfType<LinearSite>().Where(s => s.Name.Contains("self_attn", StringComparison.Ordinal));

    private static GenerationRequest Ask(int number, int tokens) => new()
    {
        Prompt = [.. Enumerable.Range(0, 4).Select(i => ((number * 31) + i) % 512)],
        MaxTokens = tokens,
        EndIds = [],
        Sampling = SamplingOptions.Greedy,
    };

    private sealed class Ranked(int number, int rank) : AdapterSource
    {
        public override string Place => $"rank {rank}";

        public override long EstimateBytes() => 0;

        public override Adapter Read(string name, LanguageModel model, FactorStorage factors)
        {
            Adapter adapter = new(name, model);
            foreach (LinearSite site in Sites(model))
            {
                adapter.Set(site, new LowRankChange(site, rank, new CounterRandom((ulong)number).Named(site.Name), lowers: true));
            }
            return adapter;
        }
    }
}
