using Lorikeet.Kernels;
using Lorikeet.Models;

namespace Lorikeet.Serving.Tests;

/// <summary>An answer does not depend on what runs beside it, when it arrives, how its prompt is cut, or how many threads there are.</summary>
[Collection("team")]
public sealed class InvarianceTests : IDisposable
{
    private const int Count = 64;
    private static readonly EngineOptions Options = new() { PoisonFreedPages = true };
    private readonly LanguageModel model = TinyModel.Create();
    private readonly List<Adapter> adapters = [];
    private readonly List<GenerationRequest> requests = [];
    private readonly List<Answer> alone = [];

    public InvarianceTests()
    {
        for (int i = 0; i < Count; i++)
        {
            Adapter? adapter = i % 9 == 8 ? null : TinyModel.Adapter(model, i);
            if (adapter is not null)
            {
                adapters.Add(adapter);
            }
            requests.Add(new GenerationRequest
            {
                Prompt = TinyModel.Prompt(i, 1 + (i * 7 % 45)),
                Adapter = adapter,
                MaxTokens = 3 + (i % 11),
                Sampling = i % 2 == 0 ? SamplingOptions.Greedy : new SamplingOptions { Seed = (ulong)i, TopP = 0.95, RepetitionPenalty = 1.1 },
            });
        }
        foreach (GenerationRequest request in requests)
        {
            alone.AddRange(Answers.Run(model, Options, [request]));
        }
    }

    public void Dispose()
    {
        adapters.ForEach(a => a.Dispose());
        model.Dispose();
    }

    [Fact]
    public void Answers_are_as_long_as_asked_and_differ_by_adapter()
    {
        Assert.All(alone, (answer, i) => Assert.Equal(requests[i].MaxTokens, answer.Ids.Count));
        Assert.All(alone, answer => Assert.Equal(FinishReason.Length, answer.Finish));
        GenerationRequest same = requests[3];
        Answer other = Answers.Run(model, Options, [same with { Adapter = adapters[4] }])[0];
        Assert.NotEqual(alone[3].Hash, other.Hash);
    }

    [Fact]
    [Trait("Card", "LoRA 6")]
    public void A_batch_of_64_adapters_equals_64_single_runs_bit_for_bit() => Same(Answers.Run(model, Options, requests));

    [Fact]
    public void Any_arrival_order()
    {
        List<Answer> reversed = Answers.Run(model, Options, [.. requests.AsEnumerable().Reverse()]);
        reversed.Reverse();
        Same(reversed);
        Same(Answers.Run(model, Options, requests, stepsBetweenArrivals: 2));
        Same(Answers.Run(model, Options with { MaxSequences = 7 }, requests));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    [InlineData(17)]
    [InlineData(32)]
    [InlineData(100)]
    public void Any_chunking_of_prompts(int rows) => Same(Answers.Run(model, Options with { MaxRows = rows, MaxSequences = 16 }, requests));

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void Any_number_of_threads(int threads)
    {
        int before = Team.Shared.Threads;
        Team.Use(threads);
        try
        {
            Same(Answers.Run(model, Options, requests));
        }
        finally
        {
            Team.Use(before);
        }
    }

    [Fact]
    public void Preempted_and_recomputed_equals_undisturbed()
    {
        // One page of all layers for 32 positions: room for about six sequences, so that growing ones push others out.
        long page = 3L * PagedAttention.PageFloats(2, 12) * sizeof(float);
        using Engine engine = new(model, Options with { CacheBytes = 6 * page });
        List<GenerationRequest> growing = [.. requests.Select(r => r with { MaxTokens = 40 })];
        List<Answer> undisturbed = Answers.Run(model, Options, growing);
        List<Answer> disturbed = Answers.Run(engine, growing);
        Assert.True(engine.Preemptions > 5, $"only {engine.Preemptions} preemptions");
        Assert.All(disturbed, (answer, i) => answer.IsEqualTo(undisturbed[i]));
    }

    private void Same(List<Answer> answers) => Assert.All(answers, (answer, i) => answer.IsEqualTo(alone[i]));
}

/// <summary>Tests that change the shared worker team do not run beside others.</summary>
[CollectionDefinition("team", DisableParallelization = true)]
public sealed class TeamTests;
