using Lorikeet.Kernels;
using Lorikeet.Models;
using Lorikeet.Tensors;

namespace Lorikeet.Serving.Tests;

/// <summary>How often all threads wait for one another.</summary>
[Collection("team")]
public sealed class BarrierTests
{
    [Theory]
    [InlineData("bf16", 1, 4)]
    [InlineData("f32", 1, 4)]
    [InlineData("q8_0", 1, 4)]
    [InlineData("bf16", 16, 5)]
    [InlineData("q8_0", 16, 5)]
    [InlineData("bf16", 32, 5)]
    public void A_decode_step_of_few_rows_has_a_job_for_each_projection_and_one_for_attention(string format, int rows, int most)
    {
        const int Layers = 4;
        int threads = Team.Shared.Threads;
        Team.Use(2);
        try
        {
            // The widths of the smallest reference shape.
            using LanguageModel model = ModelLoader.Create(ModelConfig.S with { Layers = Layers, VocabularySize = 512 }, new CounterRandom(1), WeightFormat.Find(format));
            using Engine engine = new(model);
            for (int i = 0; i < rows; i++)
            {
                engine.Add(new GenerationRequest { Prompt = [1, 2, 3, 4 + i], MaxTokens = 20, EndIds = [] });
            }
            engine.Step();
            engine.Step();
            long before = Team.Shared.Barriers;
            Assert.Equal(rows, engine.Step().Length);
            // One more for the head, one for the last norm of many rows. The reference kernels run the layers of a projection one after another.
            most = KernelPath.Current == KernelVariant.Scalar ? 10 : most;
            Assert.InRange(Team.Shared.Barriers - before, Layers, (most * Layers) + 2);
        }
        finally
        {
            Team.Use(threads);
        }
    }

    [Theory]
    [InlineData("bf16", 16)]
    [InlineData("f32", 3)]
    [InlineData("q8_0", 16)]
    [InlineData("bf16", 64)]
    public void Low_rank_adapters_of_every_row_add_no_job(string format, int rows)
    {
        const int Layers = 2;
        if (KernelPath.Current == KernelVariant.Scalar)
        {
            return;
        }
        int threads = Team.Shared.Threads;
        Team.Use(2);
        try
        {
            using LanguageModel model = ModelLoader.Create(ModelConfig.S with { Layers = Layers, VocabularySize = 512 }, new CounterRandom(1), WeightFormat.Find(format));
            // Ranks differ, every seventh row has none, and each third adapter leaves some layers alone.
            Adapter?[] adapters = [.. Enumerable.Range(0, rows).Select(i => i % 7 == 6 ? null : Make(model, 2 + (i % 17), i))];
            Assert.Equal(Step(model, new Adapter?[rows]), Step(model, adapters));
            foreach (Adapter? adapter in adapters)
            {
                adapter?.Dispose();
            }
        }
        finally
        {
            Team.Use(threads);
        }
    }

    private static long Step(LanguageModel model, Adapter?[] adapters)
    {
        using Engine engine = new(model);
        for (int i = 0; i < adapters.Length; i++)
        {
            engine.Add(new GenerationRequest { Prompt = [1, 2, 3, 4 + i], MaxTokens = 20, EndIds = [], Adapter = adapters[i] });
        }
        engine.Step();
        engine.Step();
        long before = Team.Shared.Barriers;
        Assert.Equal(adapters.Length, engine.Step().Length);
        return Team.Shared.Barriers - before;
    }

    private static Adapter Make(LanguageModel model, int rank, int number)
    {
        Adapter adapter = new($"a{number}", model);
        foreach (LinearSite site in model.Sites.OfType<LinearSite>().Where(site => !site.IsHead && (number % 3 != 0 || site.Index % 2 == 0)))
        {
            adapter.Set(site, new LowRankChange(site, rank, new CounterRandom(9).Named($"{number}/{site.Name}"), lowers: true));
        }
        return adapter;
    }
}
