using Lorikeet.Kernels;
using Lorikeet.Models;
using Lorikeet.Tensors;

namespace Lorikeet.Serving.Tests;

/// <summary>The checks of the card of S-LoRA: one pool, adapters of mixed ranks, admission, workloads.</summary>
[Collection("team")]
public sealed unsafe class SLoraCardTests
{
    [Fact]
    [Trait("Card", "S-LoRA 1")]
    public void A_batch_of_mixed_ranks_equals_dense_products_row_by_row()
    {
        using LanguageModel model = Square();
        LinearSite site = (LinearSite)model.Find("model.layers.0.self_attn.q_proj")!;
        int[] ranks = [4, 0, 8, 64, 0, 4];
        Adapter?[] adapters = [.. ranks.Select((rank, i) => rank == 0 ? null : LowRank(model, rank, i, [site]))];
        using ModelRun run = new() { Plan = new BatchPlan(model, [.. ranks.Select((_, i) => new RowSegment(adapters[i], i, 1))]) };
        Tensor x = run.Allocate(ranks.Length, site.Inputs);
        new CounterRandom(5).FillNormal(x.Span, 1f);
        Tensor y = new Projection(site).Forward(run, x);
        float[] w = new float[site.Inputs];
        for (int row = 0; row < ranks.Length; row++)
        {
            Parameter[] factors = adapters[row]?[site]!.Parameters.ToArray() ?? [];
            for (int o = 0; o < site.Outputs; o++)
            {
                site.Weight.Read(o, w);
                double expected = 0;
                for (int k = 0; k < w.Length; k++)
                {
                    double dense = w[k];
                    for (int j = 0; j < ranks[row]; j++)
                    {
                        dense += 0.5 * factors[1].Value.Row(o)[j] * factors[0].Value.Row(j)[k];
                    }
                    expected += x.Row(row)[k] * dense;
                }
                Assert.Equal(expected, y.Row(row)[o], 1e-4 * Math.Max(1, Math.Abs(expected)));
            }
        }
        Array.ForEach(adapters, a => a?.Dispose());
    }

    [Fact]
    [Trait("Card", "S-LoRA 1")]
    public void Pages_in_any_order_give_the_same_bits()
    {
        using LanguageModel model = TinyModel.Create();
        GenerationRequest[] requests =
        [
            .. Enumerable.Range(0, 12).Select(i => new GenerationRequest
            {
                Prompt = TinyModel.Prompt(i, 20 + (9 * i)),
                Adapters = [new AdapterShare(TinySource.Version(i))],
                MaxTokens = 30,
                EndIds = [],
            }),
        ];
        List<Answer> ordered = Answers.Run(model, new EngineOptions { PrefixCaching = false }, requests);
        using Engine engine = new(model, new EngineOptions { PrefixCaching = false, PoisonFreedPages = true });
        Shuffle(engine.Pool, PagedAttention.PageFloats(2, 12), 400, 3);
        List<Answer> shuffled = Answers.Run(engine, requests);
        Assert.All(shuffled, (answer, i) => answer.IsEqualTo(ordered[i]));
    }

    [Fact]
    [Trait("Card", "S-LoRA 2")]
    public void The_pool_owns_every_page_once_after_any_sequence_of_calls()
    {
        const long Budget = 64 * 400;
        using PagePool pool = new(Budget, poison: true);
        CounterRandom random = new CounterRandom(8).Named("pool");
        List<(nint Page, int Floats)> owned = [];
        List<long> charges = [];
        for (int i = 0; i < 20_000; i++)
        {
            int floats = (random.Bits((ulong)i) & 1) == 0 ? 100 : 37;
            switch (random.Integer((ulong)i + 1_000_000, 6))
            {
                case 0 or 1:
                    float* page = pool.TryRent(floats);
                    Assert.Equal(pool.FreeBytes + (page is null ? 0 : 4L * floats) >= 4L * floats, page is not null);
                    if (page is not null)
                    {
                        Assert.DoesNotContain(owned, o => o.Page == (nint)page);
                        owned.Add(((nint)page, floats));
                    }
                    break;
                case 2 when owned.Count > 0:
                    (nint shared, int size) = owned[random.Integer((ulong)i + 2_000_000, owned.Count)];
                    pool.Share((float*)shared);
                    owned.Add((shared, size));
                    break;
                case 3 when charges.Count > 0:
                    pool.Discharge(charges[^1]);
                    charges.RemoveAt(charges.Count - 1);
                    break;
                case 4 when pool.TryCharge(floats):
                    charges.Add(floats);
                    break;
                default:
                    if (owned.Count > 0)
                    {
                        int at = random.Integer((ulong)i + 3_000_000, owned.Count);
                        pool.Return((float*)owned[at].Page, owned[at].Floats);
                        owned.RemoveAt(at);
                    }
                    break;
            }
            Assert.Equal(owned.Count, pool.Owners);
            Assert.Equal(owned.Select(o => o.Page).Distinct().Count(), pool.UsedPages);
            Assert.Equal((charges.Sum(), Budget), (pool.ChargedBytes, pool.UsedBytes + pool.FreeBytes));
            Assert.InRange(pool.HeldBytes, pool.UsedBytes, Budget);
        }
        owned.ForEach(o => pool.Return((float*)o.Page, o.Floats));
        charges.ForEach(pool.Discharge);
        Assert.Equal((0L, 0, 0L), (pool.UsedBytes, pool.UsedPages, pool.Owners));
    }

    [Fact]
    [Trait("Card", "S-LoRA 2")]
    public void An_adapter_of_rank_16_is_charged_64_rows_of_keys_and_values_a_layer()
    {
        using LanguageModel model = Square();
        LinearSite[] sites = [.. model.Sites.OfType<LinearSite>().Where(s => s.Name.Contains("self_attn", StringComparison.Ordinal))];
        Assert.Equal(4 * model.Blocks.Count, sites.Length);
        AdapterVersion version = new("r16", new Made(m => LowRank(m, 16, 1, [.. m.Sites.OfType<LinearSite>().Where(s => s.Name.Contains("self_attn", StringComparison.Ordinal))])));
        using Engine engine = new(model, new EngineOptions { Factors = FactorStorage.F32, LoaderThreads = 0 });
        engine.Add(new GenerationRequest { Prompt = [1], MaxTokens = 3, Adapters = [new AdapterShare(version)], EndIds = [] });
        engine.Step();
        engine.Step();
        // A row of keys and one of values, of the hidden size each: what a token takes in a layer.
        long row = 2L * model.Config.HiddenSize * sizeof(float);
        Assert.Equal(64 * row * model.Blocks.Count, engine.Pool.ChargedBytes);
        Assert.Equal(32 * row * model.Blocks.Count, engine.Pool.PageBytes);
    }

    [Fact]
    [Trait("Card", "S-LoRA 3")]
    public void Admission_by_whole_answers_never_overflows_and_never_preempts()
    {
        using LanguageModel model = TinyModel.Create();
        long block = new StateLayout(model).Bytes(32, 32);
        long preempted = 0;
        for (ulong seed = 1; seed <= 4; seed++)
        {
            CounterRandom random = new CounterRandom(seed).Named("admission");
            GenerationRequest[] requests =
            [
                .. Enumerable.Range(0, 40).Select(i => new GenerationRequest
                {
                    Prompt = TinyModel.Prompt(i, 1 + random.Integer((ulong)i, 90)),
                    Adapters = [new AdapterShare(TinySource.Version(random.Integer((ulong)i + 100, 9)))],
                    MaxTokens = 1 + random.Integer((ulong)i + 200, 120),
                    EndIds = [],
                    Sampling = SamplingOptions.Greedy,
                }),
            ];
            EngineOptions options = new() { CacheBytes = 25 * block, MaxRows = 40, LoaderThreads = 0 };
            using Engine whole = new(model, options with { ReserveWholeAnswers = true }), eager = new(model, options);
            List<Answer> answers = Answers.Run(whole, requests), others = Answers.Run(eager, requests);
            Assert.Equal(0, whole.Preemptions);
            Assert.All(answers, (answer, i) => answer.IsEqualTo(others[i]));
            preempted += eager.Preemptions;
        }
        Assert.True(preempted > 10, $"{preempted} preemptions without the rule: the pool was large enough for all");
    }

    [Fact]
    [Trait("Card", "S-LoRA 4")]
    public void Traces_have_the_rate_spread_and_popularity_they_were_asked_for()
    {
        const int Adapters = 200, Traces = 60;
        foreach (double cv in (ReadOnlySpan<double>)[1, 4])
        {
            List<double> gaps = [];
            int[] uniform = new int[Adapters];
            int head = 0, all = 0;
            for (ulong seed = 0; seed < Traces; seed++)
            {
                (double Time, int Adapter)[] trace = Workload.Draw(Adapters, 1, 2, cv, 300, seed);
                Assert.Equal(600, trace.Length);
                gaps.AddRange(trace.Zip(trace.Skip(1), (a, b) => b.Time - a.Time));
                Array.ForEach(trace, t => uniform[t.Adapter]++);
                (double Time, int Adapter)[] steep = Workload.Draw(Adapters, 0.1, 2, cv, 300, seed);
                head += steep.Count(t => t.Adapter < Adapters / 10);
                all += steep.Length;
            }
            double mean = gaps.Average(), deviation = Math.Sqrt(gaps.Average(g => (g - mean) * (g - mean)));
            Assert.Equal(0.5, mean, 0.025);
            Assert.Equal(cv, deviation / mean, 0.08 * cv);
            double expected = 600.0 * Traces / Adapters;
            // Chi-square with 199 degrees of freedom: 0.999 lies at 267.
            Assert.InRange(uniform.Sum(n => (n - expected) * (n - expected) / expected), 130, 267);
            Assert.Equal(Math.Pow(0.1, 0.1), head / (double)all, 0.01);
        }
    }

    private static void Shuffle(PagePool pool, int floats, int count, ulong seed)
    {
        CounterRandom random = new CounterRandom(seed).Named("shuffle");
        List<nint> pages = [];
        for (int i = 0; i < count; i++)
        {
            pages.Add((nint)pool.TryRent(floats));
        }
        for (int i = 0; pages.Count > 0; i++)
        {
            int at = random.Integer((ulong)i, pages.Count);
            pool.Return((float*)pages[at], floats);
            pages.RemoveAt(at);
        }
    }

    private static LanguageModel Square() => ModelLoader.Build(
        new ModelConfig
        {
            HiddenSize = 64,
            IntermediateSize = 96,
            Layers = 2,
            Heads = 4,
            KeyHeads = 4,
            HeadDim = 16,
            VocabularySize = 120,
            MaxPositions = 128,
        },
        new RandomSource(new CounterRandom(7), ElementType.F32, 0.1f));

    private static Adapter LowRank(LanguageModel model, int rank, int number, LinearSite[] sites)
    {
        Adapter adapter = new($"rank {rank}", model);
        Array.ForEach(sites, site => adapter.Set(site, new LowRankChange(site, rank, new CounterRandom((ulong)number).Named(site.Name), lowers: true)));
        return adapter;
    }

    private sealed class Made(Func<LanguageModel, Adapter> make) : AdapterSource
    {
        public override string Place => "memory";

        public override long EstimateBytes() => 0;

        public override Adapter Read(string name, LanguageModel model, FactorStorage factors) => make(model);
    }
}
