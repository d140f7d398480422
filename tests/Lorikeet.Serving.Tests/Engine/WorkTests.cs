using Lorikeet.Kernels;
using Lorikeet.Models;
using Lorikeet.Tensors;

namespace Lorikeet.Serving.Tests;

/// <summary>What a decode step is asked to compute and to read, counted: a regression shows here on any machine, however noisy.</summary>
[Collection("team")]
public sealed class WorkTests
{
    [Theory]
    [InlineData("bf16", 1)]
    [InlineData("bf16", 8)]
    [InlineData("q8_0", 1)]
    [InlineData("q8_0", 8)]
    [InlineData("nf4", 8)]
    public void A_step_multiplies_each_weight_once_a_row_and_reads_it_once_for_all_rows(string weights, int batch)
    {
        using LanguageModel model = Create(weights);
        using Engine engine = Started(model, batch, adapters: null);
        (long fused, long bytes) = Step(engine);
        long each = model.Sites.OfType<LinearSite>().Sum(site => (long)site.Inputs * site.Outputs);
        Assert.Equal(each * batch, fused);
        double stored = model.Sites.OfType<LinearSite>().Sum(site => (double)site.Weight.Bytes);
        // Scales of four-bit blocks and the padding of panels lie beside the values.
        Assert.InRange(bytes, 0.85 * stored, 1.02 * stored);
    }

    [Fact]
    public void Adapters_add_their_factors_and_nothing_else()
    {
        const int Rank = 8, Batch = 4;
        using LanguageModel model = Create("bf16");
        Adapter[] adapters = [.. Enumerable.Range(0, Batch).Select(i => LowRank(model, Rank, i))];
        using Engine bare = Started(model, Batch, null), adapted = Started(model, Batch, adapters);
        (long fused, long bytes) = Step(bare);
        (long with, long read) = Step(adapted);
        long each = model.Sites.OfType<LinearSite>().Where(site => !site.IsHead).Sum(site => (long)Rank * (site.Inputs + site.Outputs));
        Assert.Equal(each * Batch, with - fused);
        Assert.Equal(each * Batch * sizeof(float), read - bytes);
        Array.ForEach(adapters, adapter => adapter.Dispose());
    }

    private static LanguageModel Create(string weights) =>
        ModelLoader.Create(ModelConfig.S with { Layers = 2, VocabularySize = 512, TieEmbeddings = false }, new CounterRandom(1), WeightFormat.Find(weights));

    private static Engine Started(LanguageModel model, int batch, Adapter[]? adapters)
    {
        Engine engine = new(model);
        for (int i = 0; i < batch; i++)
        {
            engine.Add(new GenerationRequest { Prompt = [1, 2, 3, 4 + i], MaxTokens = 20, EndIds = [], Adapter = adapters?[i] });
        }
        engine.Step();
        engine.Step();
        return engine;
    }

    private static (long Fused, long Bytes) Step(Engine engine)
    {
        long fused = KernelWork.Fused, bytes = KernelWork.WeightBytes;
        engine.Step();
        return (KernelWork.Fused - fused, KernelWork.WeightBytes - bytes);
    }

    private static Adapter LowRank(LanguageModel model, int rank, int number)
    {
        Adapter adapter = new($"a{number}", model);
        foreach (LinearSite site in model.Sites.OfType<LinearSite>().Where(site => !site.IsHead))
        {
            adapter.Set(site, new LowRankChange(site, rank, new CounterRandom(9).Named($"{number}/{site.Name}"), lowers: true));
        }
        return adapter;
    }
}
