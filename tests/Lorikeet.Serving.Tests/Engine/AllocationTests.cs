using Lorikeet.Models;
using Lorikeet.Tensors;

namespace Lorikeet.Serving.Tests;

/// <summary>What a steady decode step costs, and that nothing is left behind.</summary>
[Collection("team")]
public sealed class AllocationTests
{
    [Fact]
    public void A_steady_decode_step_allocates_nothing()
    {
        using LanguageModel model = TinyModel.Create();
        using Engine engine = new(model);
        // Numbers whose adapters have a batched form at every site: one's own forward is the method's business.
        Adapter[] adapters = [.. new[] { 0, 1, 3, 4, 5, 7 }.Select(i => TinyModel.Adapter(model, i))];
        for (int i = 0; i < 8; i++)
        {
            engine.Add(new GenerationRequest
            {
                Prompt = TinyModel.Prompt(i, 5),
                Adapter = i < adapters.Length ? adapters[i] : null,
                MaxTokens = 300,
                EndIds = [],
                Sampling = i % 2 == 0
                    ? SamplingOptions.Greedy
                    : new SamplingOptions { Temperature = 0.8, TopK = 20, TopP = 0.9, MinP = 0.01, TypicalP = 0.95, RepetitionPenalty = 1.1, PresencePenalty = 0.1, NoRepeatNgramSize = 9 },
                LogProbabilities = i % 3 == 0,
            });
        }
        for (int i = 0; i < 160; i++)
        {
            engine.Step();
        }
        // Position 165 to 185: pages are at hand (a page has 32 positions), tables of positions too.
        long before = GC.GetAllocatedBytesForCurrentThread();
        int tokens = 0;
        for (int i = 0; i < 20; i++)
        {
            tokens += engine.Step().Length;
        }
        long allocated = GC.GetAllocatedBytesForCurrentThread() - before;
        Assert.Equal(8 * 20, tokens);
        Assert.Equal(0, allocated);
        foreach (Adapter adapter in adapters)
        {
            adapter.Dispose();
        }
    }

    [Fact]
    public void All_native_memory_is_given_back()
    {
        long before = Storage.LiveBytes;
        using (LanguageModel model = TinyModel.Create())
        {
            using Engine engine = new(model);
            using Adapter adapter = TinyModel.Adapter(model, 1);
            engine.Add(new GenerationRequest { Prompt = [1, 2, 3], Adapter = adapter });
            engine.Add(new GenerationRequest { Prompt = [1, 2, 3] });
            engine.Step();
            engine.Step();
        }
        Assert.Equal(before, Storage.LiveBytes);
    }
}
