using Lorikeet.Kernels;
using Lorikeet.Models;
using Lorikeet.Tensors;

namespace Lorikeet.Serving.Tests;

/// <summary>Models whose blocks forget: windows give pages back, longrope computes all keys again where the trained length is passed.</summary>
[Collection("team")]
public sealed class WindowTests
{
    private static readonly EngineOptions Options = new() { PoisonFreedPages = true };

    private static LanguageModel Create(ModelConfig config) => ModelLoader.Build(config, new RandomSource(new CounterRandom(9), ElementType.F32, 0.3f));

    private static ModelConfig Config(string type, params int[] windows) => new()
    {
        ModelType = type,
        HiddenSize = 48,
        IntermediateSize = 80,
        Layers = 3,
        Heads = 6,
        KeyHeads = 2,
        HeadDim = 8,
        VocabularySize = TinyModel.Vocabulary,
        MaxPositions = 2048,
        QueryKeyNorm = type == "qwen3",
        Windows = windows,
    };

    [Theory]
    [InlineData(8)]
    [InlineData(64)]
    public void A_long_answer_holds_a_constant_number_of_pages(int window)
    {
        using LanguageModel model = Create(Config("qwen3", window, window, window));
        using Engine engine = new(model, Options);
        long page = 3L * PagedAttention.PageFloats(2, 8) * sizeof(float);
        int id = engine.Add(new GenerationRequest { Prompt = TinyModel.Prompt(1, 100), MaxTokens = 600, EndIds = [], Sampling = SamplingOptions.Greedy });
        List<int> tokens = [];
        long most = 0;
        while (engine.HasWork)
        {
            foreach (GenerationEvent next in engine.Step())
            {
                tokens.Add(next.Token);
            }
            most = tokens.Count > 1 ? Math.Max(most, engine.CacheBytes) : most;
        }
        Assert.Equal(600, tokens.Count);
        Assert.InRange(most / page, 1, (window + 62) / 32);
        Assert.Equal(Recomputed(model, TinyModel.Prompt(1, 100), 40), tokens.Take(40));
    }

    [Fact]
    public void Answers_of_a_windowed_model_do_not_depend_on_chunks_neighbours_or_preemption()
    {
        using LanguageModel model = Create(Config("qwen3", 8, 0, 40));
        List<GenerationRequest> requests =
        [
            .. Enumerable.Range(0, 12).Select(i => new GenerationRequest
            {
                Prompt = TinyModel.Prompt(i, 1 + (i * 29 % 150)),
                MaxTokens = 60,
                EndIds = [],
                Sampling = SamplingOptions.Greedy,
            }),
        ];
        List<Answer> alone = [.. requests.Select(r => Answers.Run(model, Options, [r])[0])];
        foreach (int rows in (ReadOnlySpan<int>)[3, 40, 512])
        {
            Assert.All(Answers.Run(model, Options with { MaxRows = rows }, requests), (answer, i) => answer.IsEqualTo(alone[i]));
        }
        long page = (long)PagedAttention.PageFloats(2, 8) * sizeof(float);
        using Engine small = new(model, Options with { CacheBytes = 30 * page, MaxRows = 48 });
        Assert.All(Answers.Run(small, requests), (answer, i) => answer.IsEqualTo(alone[i]));
        Assert.True(small.Preemptions > 0, "the cache was large enough for all");
    }

    [Theory]
    [InlineData(512)]
    [InlineData(7)]
    public void A_sequence_that_passes_the_trained_length_of_longrope_is_computed_again(int rows)
    {
        using LanguageModel model = Create(Config("phi3") with { Rope = LongRope(40) });
        List<GenerationRequest> requests =
        [
            .. ((int[])[1, 39, 40, 41, 60]).Select(length => new GenerationRequest
            {
                Prompt = TinyModel.Prompt(length, length),
                MaxTokens = 50,
                EndIds = [],
                Sampling = SamplingOptions.Greedy,
            }),
        ];
        List<Answer> answers = Answers.Run(model, Options with { MaxRows = rows }, requests);
        for (int i = 0; i < requests.Count; i++)
        {
            Assert.Equal(Recomputed(model, [.. requests[i].Prompt], 50), answers[i].Ids);
            answers[i].IsEqualTo(Answers.Run(model, Options, [requests[i]])[0]);
        }
        using PagePool pool = new(1 << 26, poison: true);
        Assert.Equal(answers[1].Ids, new BeamSearch(model, pool).Run(requests[1].Prompt, new BeamOptions { Beams = 1, MaxTokens = 50, EndIds = [] })[0].Tokens);
    }

    [Fact]
    public void Keys_of_short_sequences_are_not_read_beyond_the_trained_length()
    {
        using LanguageModel model = Create(Config("phi3") with { Rope = LongRope(40) });
        using PagePool pool = new(1 << 26);
        using SequenceState state = new(pool, model);
        state.Reserve(40);
        state.Append(40);
        Assert.True(state.IsStale(41));
        Assert.Contains("Restart", Assert.Throws<InvalidOperationException>(() => state.Reserve(1)).Message, StringComparison.Ordinal);
        state.Restart();
        Assert.Equal((0, 0L), (state.Length, pool.UsedBytes));
        state.Reserve(41);
        state.Append(30);
        Assert.False(state.IsStale(60));
    }

    private static RopeSettings LongRope(int original) => new()
    {
        Kind = RopeKind.LongRope,
        Factor = 4,
        OriginalPositions = original,
        AttentionFactor = 1.2,
        ShortFactors = [1, 1.1, 1.2, 1.3],
        LongFactors = [1.5, 3.5, 6, 8],
    };

    /// <summary>The likeliest tokens, each from a whole pass over all before it: what the library computes where it drops its cache.</summary>
    private static List<int> Recomputed(LanguageModel model, int[] prompt, int count)
    {
        using ModelRun run = new();
        List<int> all = [.. prompt];
        for (int i = 0; i < count; i++)
        {
            run.Arena.Reset();
            run.Rows = new Rows(all.Count);
            Tensor hidden = model.Forward(run, Input.Of(all.ToArray()));
            all.Add(Reduce.ArgMax(model.Logits(run, hidden.ViewRows(all.Count - 1, 1)).Span));
        }
        return all[prompt.Length..];
    }
}
