using Lorikeet.Kernels;
using Lorikeet.Models;

namespace Lorikeet.Serving.Tests;

/// <summary>Prompts of vectors: the table's own rows answer as their ids do, bit for bit, whatever runs beside them; nobody but their equals finds what they left.</summary>
[Collection("team")]
public sealed class PromptRowsTests : IDisposable
{
    private const int Count = 24;
    private static readonly EngineOptions Options = new() { PoisonFreedPages = true };
    private static readonly AdapterVersion one = new("one", new TinySource(1), "hash one");
    private readonly LanguageModel model = TinyModel.Create();
    private readonly List<Adapter> adapters = [];
    private readonly List<GenerationRequest> requests = [];
    private readonly List<Answer> asIds;

    public PromptRowsTests()
    {
        for (int i = 0; i < Count; i++)
        {
            Adapter? adapter = i % 5 == 4 ? null : TinyModel.Adapter(model, i);
            if (adapter is not null)
            {
                adapters.Add(adapter);
            }
            requests.Add(new GenerationRequest
            {
                Prompt = TinyModel.Prompt(i, 1 + (i * 17 % 90)),
                Adapter = adapter,
                MaxTokens = 3 + (i % 7),
                // What counts tokens of the answer alone is the same for both.
                Sampling = i % 2 == 0 ? SamplingOptions.Greedy : new SamplingOptions { Seed = (ulong)i, TopP = 0.95, PresencePenalty = 0.5, FrequencyPenalty = 0.5 },
            });
        }
        asIds = Answers.Run(model, Options, requests);
    }

    public void Dispose()
    {
        adapters.ForEach(a => a.Dispose());
        model.Dispose();
    }

    [Fact]
    public void Alone() => Assert.All(requests, (request, i) => Answers.Run(model, Options, [AsRows(request)])[0].IsEqualTo(asIds[i]));

    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    [InlineData(17)]
    [InlineData(32)]
    [InlineData(500)]
    public void Beside_prompts_of_ids_however_they_are_cut(int rows)
    {
        List<GenerationRequest> mixed = [.. requests.Select((r, i) => i % 3 == 1 ? r : AsRows(r))];
        Same(Answers.Run(model, Options with { MaxRows = rows, MaxSequences = 16 }, mixed));
        Same(Answers.Run(model, Options with { MaxRows = rows, DraftTokens = 4 }, mixed, stepsBetweenArrivals: 2));
    }

    [Fact]
    public void Preempted_and_recomputed()
    {
        long page = 3L * PagedAttention.PageFloats(2, 12) * sizeof(float);
        List<GenerationRequest> growing = [.. requests.Select(r => r with { MaxTokens = 50 })];
        List<Answer> undisturbed = Answers.Run(model, Options, growing);
        using Engine engine = new(model, Options with { CacheBytes = 7 * page });
        List<Answer> disturbed = Answers.Run(engine, [.. growing.Select(AsRows)]);
        Assert.True(engine.Preemptions > 3, $"only {engine.Preemptions} preemptions");
        Assert.All(disturbed, (answer, i) => answer.IsEqualTo(undisturbed[i]));
        engine.Audit();
        engine.ForgetPrefixes();
        Assert.Equal(0, engine.Pool.PageBytes);
    }

    [Fact]
    public void Several_answers_to_one_prompt()
    {
        GenerationRequest request = requests[5] with { Choices = 4, Sampling = new SamplingOptions { Seed = 9 } };
        using Engine engine = new(model, Options);
        Assert.Equal(Tokens(engine, request), Tokens(engine, AsRows(request)));

        static List<(int, int)> Tokens(Engine engine, GenerationRequest request)
        {
            List<(int, int)> tokens = [];
            engine.Add(request);
            while (engine.HasWork)
            {
                foreach (GenerationEvent next in engine.Step())
                {
                    tokens.Add((next.Choice, next.Token));
                }
            }
            return [.. tokens.OrderBy(t => t.Item1)];
        }
    }

    [Fact]
    public void Repetition_is_of_the_answer_alone_and_guesses_see_no_prompt()
    {
        GenerationRequest plain = Ask(60) with { MaxTokens = 1 };
        int first = Answers.Run(model, Options, [plain])[0].Ids[0];
        // A prompt that has the likeliest token: with ids it is punished, with vectors it is not known.
        GenerationRequest has = plain with { Prompt = [first, .. plain.Prompt] };
        first = Answers.Run(model, Options, [has])[0].Ids[0];
        GenerationRequest punished = has with { Prompt = [first, .. has.Prompt], Sampling = SamplingOptions.Greedy with { RepetitionPenalty = 1000 } };
        int free = Answers.Run(model, Options, [punished with { Sampling = SamplingOptions.Greedy }])[0].Ids[0];
        Assert.Equal(free, Answers.Run(model, Options, [AsRows(punished)])[0].Ids[0]);
        // The answer's own tokens are punished: none comes twice. The rules of n-grams and of bad words have no prompt to look at either.
        Answer answer = Answers.Run(model, Options, [AsRows(punished) with { MaxTokens = 40 }])[0];
        Assert.Equal(40, answer.Ids.Distinct().Count());
        answer = Answers.Run(model, Options, [AsRows(punished) with { MaxTokens = 40, Sampling = SamplingOptions.Greedy with { NoRepeatNgramSize = 3, BadWords = [[1], [2, 3]] } }])[0];
        Assert.Equal(40, answer.Ids.Count);
        // A text that repeats itself is guessed from, a prompt of vectors is not.
        int[] over = [.. Enumerable.Repeat(TinyModel.Prompt(3, 8), 12).SelectMany(p => p)];
        using Engine engine = new(model, Options with { DraftTokens = 4 });
        Answers.Run(engine, [AsRows(plain with { Prompt = over, MaxTokens = 3, Sampling = new SamplingOptions { Seed = 1 } })]);
        Assert.Equal(0, engine.Statistics.DraftTokens);
        Answers.Run(engine, [plain with { Prompt = [.. over, over[0]], MaxTokens = 3, Sampling = new SamplingOptions { Seed = 1, LogitBias = new Dictionary<int, double> { [over[1]] = 100 } } }]);
        Assert.True(engine.Statistics.DraftTokens > 0);
    }

    [Theory]
    [InlineData(32, 0)]
    [InlineData(33, 32)]
    [InlineData(100, 96)]
    public void Equal_vectors_are_computed_once_up_to_whole_blocks_and_the_last(int length, int cached)
    {
        using Engine engine = new(model, Options);
        GenerationRequest request = AsRows(Ask(length));
        Assert.Equal(0, Cached(engine, request));
        Assert.Equal(cached, Cached(engine, request with { Rows = AsRows(Ask(length)).Rows }));
        Assert.Equal(length / 32 * 32, Cached(engine, AsRows(Ask(length + 40, length))));
    }

    [Fact]
    public void Nothing_is_found_across_ids_adapters_tenants_salts_or_other_vectors()
    {
        using Engine engine = new(model, Options with { LoaderThreads = 0 });
        GenerationRequest ids = Ask(100), request = AsRows(ids);
        float[] changed = TinyModel.Numbers(model, [.. ids.Prompt]);
        changed[^1] = MathF.BitIncrement(changed[^1]);
        float[] early = TinyModel.Numbers(model, [.. ids.Prompt]);
        early[0] = MathF.BitIncrement(early[0]);
        GenerationRequest[] different =
        [
            ids,
            request,
            request with { Adapters = [new AdapterShare(one)] },
            request with { Adapters = [new AdapterShare(one, 0.5f)] },
            request with { Tenant = "a" },
            request with { Tenant = "b" },
            request with { Tenant = "a", CacheSalt = "x" },
            request with { CacheSalt = "ax" },
            request with { Rows = PromptRows.Of(early, model.EmbeddingWidth) },
        ];
        Assert.All(different, r => Assert.Equal(0, Cached(engine, r)));
        Assert.All(different, r => Assert.Equal(96, Cached(engine, r)));
        // The change lies behind the last whole block.
        Assert.Equal(96, Cached(engine, request with { Rows = PromptRows.Of(changed, model.EmbeddingWidth) }));
        engine.Audit();
    }

    [Fact]
    public void Tokens_behind_vectors_in_one_block_are_told_apart()
    {
        using Engine engine = new(model, Options);
        // Answers that differ share blocks with their prompt and not with each other, though their first block of answers begins with the same vectors.
        GenerationRequest request = AsRows(Ask(40)) with { MaxTokens = 60 };
        int[] greedy = [.. Answers.Run(engine, [request])[0].Ids];
        GenerationRequest other = request with { Sampling = new SamplingOptions { Seed = 4, Temperature = 2 } };
        int[] drawn = [.. Answers.Run(engine, [other])[0].Ids];
        Assert.NotEqual(greedy, drawn);
        Assert.Equal(greedy, Answers.Run(engine, [request])[0].Ids);
        Assert.Equal(drawn, Answers.Run(engine, [other])[0].Ids);
        engine.Audit();
    }

    [Fact]
    public void Huge_vectors_end_their_own_answer_and_no_other()
    {
        float[] huge = new float[50 * model.EmbeddingWidth];
        Array.Fill(huge, float.MaxValue);
        GenerationRequest bad = AsRows(Ask(50)) with { Rows = PromptRows.Of(huge, model.EmbeddingWidth) };
        List<Answer> answers = Answers.Run(model, Options, [bad, .. requests, bad]);
        Assert.All(answers[1..^1], (answer, i) => answer.IsEqualTo(asIds[i]));
    }

    [Fact]
    public void What_cannot_be_is_refused()
    {
        using Engine engine = new(model, Options with { MaxLength = 64 });
        GenerationRequest request = AsRows(Ask(40));
        Refused(request with { Prompt = [1, 2] }, "2 token ids and 40 vectors");
        Refused(request with { Rows = PromptRows.Of(new float[47], 47) }, "have 47 numbers; the model's have 48");
        Refused(request with { PromptLogProbabilities = 1 }, "prompt_logprobs");
        Refused(AsRows(Ask(64)), "64 tokens");
        Assert.Contains("MaxLength", Assert.Throws<ArgumentException>(() => new Engine(model, new EngineOptions { MaxLength = 513 })).Message, StringComparison.Ordinal);
        // An answer ends where the engine's sequences do.
        Assert.Equal(24, Answers.Run(engine, [request with { MaxTokens = 100 }])[0].Ids.Count);

        void Refused(GenerationRequest wrong, string with) => Assert.Contains(with, Assert.Throws<ArgumentException>(() => engine.Add(wrong)).Message, StringComparison.Ordinal);
    }

    private void Same(List<Answer> answers) => Assert.All(answers, (answer, i) => answer.IsEqualTo(asIds[i]));

    private static int Cached(Engine engine, GenerationRequest request)
    {
        engine.Add(request);
        RequestUsage? usage = null;
        while (engine.HasWork)
        {
            foreach (GenerationEvent next in engine.Step())
            {
                Assert.Null(next.Error);
                usage = next.Usage ?? usage;
            }
        }
        Assert.Equal(request.PromptLength, usage!.PromptTokens);
        return usage.CachedTokens;
    }

    private GenerationRequest AsRows(GenerationRequest request) => TinyModel.AsRows(model, request);

    // The second number: beginning with the prompt of the first so many tokens.
    private static GenerationRequest Ask(int length, int alike = 0) => new()
    {
        Prompt = alike == 0 ? TinyModel.Prompt(1, length) : [.. TinyModel.Prompt(1, alike), .. TinyModel.Prompt(2, length - alike)],
        MaxTokens = 3,
        EndIds = [],
        Sampling = SamplingOptions.Greedy,
    };
}
