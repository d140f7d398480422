using Lorikeet.Kernels;
using Lorikeet.Models;
using Lorikeet.Models.Text;
using Lorikeet.Tensors;

namespace Lorikeet.Serving.Tests;

/// <summary>What else a request can ask for: scores, vectors, constraints, mixtures, guesses.</summary>
[Collection("team")]
public sealed class AskTests : IDisposable
{
    private readonly LanguageModel model = TinyModel.Create();

    public void Dispose() => model.Dispose();

    [Fact]
    public void Scores_of_a_prompt_are_those_of_one_pass_over_it()
    {
        int[] prompt = TinyModel.Prompt(3, 150);
        using Adapter adapter = TinyModel.Adapter(model, 5);
        using ModelRun run = new() { Rows = new Rows(150), Plan = BatchPlan.For(adapter, 150) };
        Tensor logits = model.Logits(run, model.Forward(run, Input.Of(prompt)));
        foreach (int rows in (ReadOnlySpan<int>)[512, 40, 1])
        {
            List<GenerationEvent> events = Run(
                new EngineOptions { MaxRows = rows }, new GenerationRequest { Prompt = prompt, Adapter = adapter, MaxTokens = 2, EndIds = [], PromptLogProbabilities = 3, TopLogProbabilities = 4 });
            PromptScores scores = events[0].PromptScores!;
            Assert.Null(events[1].PromptScores);
            Assert.Equal(149, scores.Tokens.Count);
            for (int i = 0; i < 149; i++)
            {
                double[] all = [.. logits.Row(i).ToArray().Select(l => (double)l)];
                double sum = Math.Log(all.Sum(Math.Exp));
                TokenScore own = scores.Tokens[i];
                Assert.Equal((prompt[i + 1], 1 + all.Count(l => l > all[prompt[i + 1]])), (own.Token, own.Rank));
                Assert.Equal(all[own.Token] - sum, own.LogProbability, 1e-4);
                int[] best = [.. Enumerable.Range(0, all.Length).OrderByDescending(t => all[t]).Take(3)];
                Assert.Equal(best, scores.Top[i].Select(t => t.Token));
                Assert.All(scores.Top[i], (t, at) => Assert.Equal((all[t.Token] - sum, at + 1), (t.LogProbability, t.Rank), Near));
            }
            Assert.Equal(4, events[0].Top!.Count);
            Assert.Equal(events[0].Top!.OrderByDescending(t => t.LogProbability), events[0].Top!);
            Assert.InRange(events[0].LogProbability, -100, 0);
        }

        static bool Near((double, int) a, (double, int) b) => a.Item2 == b.Item2 && Math.Abs(a.Item1 - b.Item1) < 1e-4;
    }

    [Fact]
    public void A_prompt_can_be_scored_without_an_answer()
    {
        GenerationEvent only = Assert.Single(Run(new EngineOptions(), new GenerationRequest { Prompt = [1, 2, 3], MaxTokens = 0, PromptLogProbabilities = 0 }));
        Assert.Equal((-1, FinishReason.Done, 2), (only.Token, only.Finish, only.PromptScores!.Tokens.Count));
        Assert.All(only.PromptScores.Top, Assert.Empty);
        Assert.Equal((3, 0), (only.Usage!.PromptTokens, only.Usage.GeneratedTokens));
        // The model's longest sequence can be scored whole; an answer to it has no room.
        Assert.Equal(511, Assert.Single(Run(new EngineOptions(), new GenerationRequest { Prompt = new int[512], MaxTokens = 0, PromptLogProbabilities = 0 })).PromptScores!.Tokens.Count);
    }

    [Theory]
    [InlineData(Ask.EmbedLast)]
    [InlineData(Ask.EmbedMean)]
    [InlineData(Ask.EmbedFirst)]
    public void A_vector_is_that_of_one_pass_however_the_prompt_is_cut(Ask ask)
    {
        int[] prompt = TinyModel.Prompt(4, 100);
        using Adapter adapter = TinyModel.Adapter(model, 7);
        using ModelRun run = new() { Rows = new Rows(100), Plan = BatchPlan.For(adapter, 100) };
        Tensor hidden = model.Forward(run, Input.Of(prompt));
        double[] expected = new double[hidden.Width];
        for (int i = 0; i < expected.Length; i++)
        {
            expected[i] = ask == Ask.EmbedLast ? hidden.Row(99)[i] : ask == Ask.EmbedFirst ? hidden.Row(0)[i] : Enumerable.Range(0, 100).Average(row => hidden.Row(row)[i]);
        }
        float[]? first = null;
        foreach (int rows in (ReadOnlySpan<int>)[512, 33, 1])
        {
            GenerationEvent only = Assert.Single(Run(new EngineOptions { MaxRows = rows }, new GenerationRequest { Prompt = prompt, Adapter = adapter, Ask = ask }));
            Assert.Equal(FinishReason.Done, only.Finish);
            Assert.All(only.Embedding!, (value, i) => Assert.Equal(expected[i], value, 1e-4));
            first ??= only.Embedding;
            Assert.Equal(first, only.Embedding);
        }
    }

    [Fact]
    public void A_constraint_sees_each_token_once_and_in_order_and_rules_out_all_others()
    {
        foreach (int drafts in (ReadOnlySpan<int>)[0, 8])
        {
            Only[] constraints = [new(), new()];
            List<GenerationEvent> events = Run(new EngineOptions { DraftTokens = drafts }, new GenerationRequest
            {
                Prompt = [1, 2, 3],
                Choices = 2,
                MaxTokens = 30,
                EndIds = [],
                Constraint = choice => constraints[choice],
                Sampling = new() { Seed = 2 },
            });
            for (int choice = 0; choice < 2; choice++)
            {
                int[] tokens = [.. events.Where(e => e.Choice == choice).Select(e => e.Token)];
                Assert.Equal(tokens, constraints[choice].Seen);
                Assert.All(tokens, (t, i) => Assert.Equal(i % 3, t % 3));
            }
        }
    }

    [Fact]
    public void A_constraint_that_throws_ends_its_own_answer()
    {
        using Engine engine = new(model);
        int bad = engine.Add(new GenerationRequest { Prompt = [1], Constraint = _ => new Throws() });
        int good = engine.Add(new GenerationRequest { Prompt = [1], MaxTokens = 2, EndIds = [] });
        List<GenerationEvent> events = Drain(engine);
        GenerationEvent failed = Assert.Single(events, e => e.Id == bad);
        Assert.Equal((FinishReason.Failed, "no grammar"), (failed.Finish, failed.Error!.Message));
        Assert.Equal(2, events.Count(e => e.Id == good));
    }

    [Fact]
    public void A_mixture_is_the_weighted_sum_of_the_single_changes()
    {
        using Adapter a = TinyModel.Adapter(model, 0), b = TinyModel.Adapter(model, 2), none = new("none", model);
        // One site, so that the sum is exact up to rounding: of the model as a whole it is not a sum.
        LinearSite site = (LinearSite)model.Sites.First(s => s is LinearSite && a[s] is not null && b[s] is not null);
        using Adapter onlyA = new("a", model), onlyB = new("b", model);
        onlyA.Set(site, new Borrowed(a[site]!));
        onlyB.Set(site, new Borrowed(b[site]!));
        using AdapterMixture mixed = new("mixed", [(onlyA, 0.7f), (onlyB, -0.4f)]);
        float[] x = new float[4 * site.Inputs];
        new CounterRandom(3).FillNormal(x, 1f);
        float[] y = At(null), ya = At(onlyA), yb = At(onlyB), ym = At(mixed), own = At(mixed, ownForwards: true);
        for (int i = 0; i < y.Length; i++)
        {
            double expected = y[i] + (0.7 * (ya[i] - y[i])) - (0.4 * (yb[i] - y[i]));
            Assert.Equal(expected, ym[i], 1e-4);
            Assert.Equal(expected, own[i], 1e-4);
        }

        float[] At(Adapter? adapter, bool ownForwards = false)
        {
            using ModelRun run = new() { Plan = BatchPlan.For(adapter, 4), OwnForwards = ownForwards };
            Tensor input = run.Allocate(4, site.Inputs);
            x.CopyTo(input.Span);
            return new Projection(site).Forward(run, input).Span.ToArray();
        }
    }

    [Fact]
    public void What_cannot_be_weighed_is_refused_and_names_the_adapter()
    {
        using Engine engine = new(model, new EngineOptions { LoaderThreads = 0 });
        AdapterVersion scale = TinySource.Version(3), plain = TinySource.Version(4);
        int mixed = engine.Add(new GenerationRequest { Prompt = [1], Adapters = [new AdapterShare(plain), new AdapterShare(scale)], MaxTokens = 2 });
        int weighed = engine.Add(new GenerationRequest { Prompt = [1], Adapters = [new AdapterShare(scale, 0.5f)], MaxTokens = 2 });
        int alone = engine.Add(new GenerationRequest { Prompt = [1], Adapters = [new AdapterShare(scale)], MaxTokens = 2, EndIds = [] });
        List<GenerationEvent> events = Drain(engine);
        Assert.All((int[])[mixed, weighed], id => Assert.Contains("adapter-3 cannot be mixed", Assert.Single(events, e => e.Id == id).Error!.Message, StringComparison.Ordinal));
        Assert.Equal(FinishReason.Length, events.Last(e => e.Id == alone).Finish);
        engine.Audit();
    }

    [Fact]
    public void A_mixture_copies_nothing_and_many_requests_share_it()
    {
        using Engine engine = new(model, new EngineOptions { LoaderThreads = 0 });
        AdapterVersion a = TinySource.Version(4), b = TinySource.Version(5);
        for (int i = 0; i < 4; i++)
        {
            engine.Add(new GenerationRequest { Prompt = [1, i], Adapters = i % 2 == 0 ? [new(a, 0.5f), new(b, 2f)] : [new(b, 2f), new(a, 0.5f)], MaxTokens = 20, EndIds = [] });
        }
        engine.Step();
        engine.Step();
        long live = Storage.LiveBytes;
        engine.Step();
        Assert.Equal((4, 2L), (engine.Running, engine.Statistics.StepAdapters.Count(1)));
        Assert.Equal(live, Storage.LiveBytes);
        Assert.Equal(TinySource.Bytes(model, 4) + TinySource.Bytes(model, 5), engine.Statistics.AdapterBytes);
        Drain(engine);
        engine.Audit();
    }

    [Fact]
    public void Guesses_that_come_true_save_steps_and_change_nothing()
    {
        // A bias makes the answer repeat itself, as greedy answers of small models do.
        GenerationRequest request = new()
        {
            Prompt = TinyModel.Prompt(1, 10),
            MaxTokens = 100,
            EndIds = [],
            Sampling = SamplingOptions.Greedy with { LogitBias = new Dictionary<int, double> { [5] = 40 } },
        };
        using Engine plain = new(model), drafting = new(model, new EngineOptions { DraftTokens = 8, PoisonFreedPages = true });
        Answer without = Answers.Run(plain, [request])[0], with = Answers.Run(drafting, [request])[0];
        with.IsEqualTo(without);
        Assert.True(drafting.Steps < plain.Steps / 2, $"{drafting.Steps} steps with guesses, {plain.Steps} without");
        Assert.Equal(99, drafting.Statistics.AcceptedTokens + drafting.Steps - 1);
    }

    [Fact]
    public void A_deadline_ends_what_waits_and_what_runs()
    {
        ManualClock clock = new();
        using Engine engine = new(model, new EngineOptions { MaxSequences = 1, Clock = clock });
        GenerationRequest endless = new() { Prompt = [1], MaxTokens = 400, EndIds = [], Deadline = TimeSpan.FromSeconds(2) };
        int running = engine.Add(endless), waiting = engine.Add(endless with { Deadline = TimeSpan.FromSeconds(1) }), late = engine.Add(endless with { Deadline = null, MaxTokens = 2 });
        Assert.Equal(running, engine.Step()[0].Id);
        clock.Advance(TimeSpan.FromSeconds(1));
        GenerationEvent[] events = engine.Step().ToArray();
        Assert.Equal(FinishReason.Expired, Assert.Single(events, e => e.Id == waiting).Finish);
        Assert.Equal((TimeSpan.FromSeconds(1), TimeSpan.Zero, 0), Assert.Single(events, e => e.Id == waiting).Usage is { } u ? (u.Queued, u.ToFirstToken, u.GeneratedTokens) : default);
        clock.Advance(TimeSpan.FromSeconds(1));
        events = engine.Step().ToArray();
        Assert.Equal((FinishReason.Expired, TimeSpan.FromSeconds(2)), Assert.Single(events, e => e.Id == running) is { Usage: { } all } e ? (e.Finish, all.Total) : default);
        Assert.Contains(events, e => e.Id == late);
        Drain(engine);
        Assert.Equal((2L, 1L), (engine.Statistics.Ended(FinishReason.Expired), engine.Statistics.Ended(FinishReason.Length)));
    }

    [Fact]
    public void A_full_queue_refuses_and_says_so()
    {
        using Engine engine = new(model, new EngineOptions { MaxSequences = 1, MaxWaiting = 2, MaxWaitingTokens = 10 });
        GenerationRequest request = new() { Prompt = [1, 2, 3, 4], MaxTokens = 2, EndIds = [] };
        engine.Add(request);
        engine.Step();
        engine.Add(request);
        engine.Add(request);
        Assert.Contains("the queue holds 2", Assert.Throws<EngineBusyException>(() => engine.Add(request with { Prompt = [1] })).Message, StringComparison.Ordinal);
        Assert.Equal(1, engine.Statistics.Refused);
        Drain(engine);
        engine.Add(request with { Prompt = [1, 2, 3, 4, 5, 6, 7] });
        Assert.Contains("prompt tokens wait", Assert.Throws<EngineBusyException>(() => engine.Add(request)).Message, StringComparison.Ordinal);
        Drain(engine);
        engine.Add(request);
        Drain(engine);
    }

    private List<GenerationEvent> Run(EngineOptions options, GenerationRequest request)
    {
        using Engine engine = new(model, options with { PoisonFreedPages = true }, new ByteTokenizer());
        engine.Add(request);
        return Drain(engine);
    }

    private static List<GenerationEvent> Drain(Engine engine)
    {
        List<GenerationEvent> events = [];
        while (engine.HasWork)
        {
            engine.WaitForAdapter(TimeSpan.FromSeconds(30));
            events.AddRange(engine.Step());
        }
        Assert.Equal(0, engine.CacheBytes);
        return events;
    }

    private sealed class Only : ITokenConstraint
    {
        public List<int> Seen { get; } = [];

        public void Mask(Span<float> scores)
        {
            for (int i = 0; i < scores.Length; i++)
            {
                scores[i] = i % 3 == Seen.Count % 3 ? scores[i] : float.NegativeInfinity;
            }
        }

        public void Accept(int token) => Seen.Add(token);
    }

    private sealed class Throws : ITokenConstraint
    {
        public void Mask(Span<float> scores) => throw new InvalidOperationException("no grammar");

        public void Accept(int token) => Assert.Fail("nothing was chosen");
    }

    /// <summary>Another adapter's change, which that one frees.</summary>
    private sealed class Borrowed(SiteAdapter change) : SiteAdapter
    {
        public override bool IsSum => true;

        public override Tensor Forward(in SiteCall call) => change.Forward(call);

        public override SiteForm? Lower(Site site, FactorPacker packer) => change.Lower(site, packer);
    }
}
