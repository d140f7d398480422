using System.Text.Json.Nodes;
using Lorikeet.Adapters;
using Lorikeet.Models;
using Lorikeet.Tensors;

namespace Lorikeet.Serving.Tests;

/// <summary>Adapters of every method, from their files, in one batch: the cards' checks LoRA 6, DoRA 5, FLoRA 3 through the engine.</summary>
[Collection("team")]
public sealed class MixedMethodsTests : IDisposable
{
    private const int Adapters = 64;
    private const int Requests = 128;
    private readonly LanguageModel model = TinyModel.Create();
    private readonly string folder = Directory.CreateTempSubdirectory("lorikeet-mixed-").FullName;

    public void Dispose()
    {
        model.Dispose();
        Directory.Delete(folder, recursive: true);
    }

    [Fact]
    [Trait("Card", "LoRA 6")]
    [Trait("Card", "DoRA 5")]
    [Trait("Card", "FLoRA 3")]
    public void A_batch_of_all_methods_equals_single_runs_bit_for_bit_and_opens_each_file_once()
    {
        for (int i = 0; i < Adapters; i++)
        {
            Save(i);
        }
        AdapterVersion[] versions = [.. Enumerable.Range(0, Adapters).Select(i => new AdapterVersion($"{i}", AdapterSource.Folder(Path.Combine(folder, $"{i}"))))];
        List<GenerationRequest> requests =
        [
            .. Enumerable.Range(0, Requests).Select(i => new GenerationRequest
            {
                Prompt = TinyModel.Prompt(i, 1 + (i % 40)),
                Adapters = i % 17 == 5 ? [] : [new AdapterShare(versions[i % Adapters])],
                MaxTokens = 4,
                Sampling = SamplingOptions.Greedy,
                EndIds = [],
            }),
        ];
        using Engine engine = new(model, new EngineOptions { MaxSequences = Requests, PoisonFreedPages = true });
        List<Answer> together = Answers.Run(engine, requests);
        Assert.Equal(Adapters, engine.Statistics.AdapterLoads);
        HashSet<ulong> different = [];
        for (int i = 0; i < Requests; i++)
        {
            Answer alone = Answers.Run(model, new EngineOptions { PoisonFreedPages = true }, [requests[i]])[0];
            Assert.True(alone.Hash.SequenceEqual(together[i].Hash), $"request {i} ({Method(i % Adapters).Name}) differs in the batch");
            together[i].IsEqualTo(alone);
            different.Add(alone.Hash[^1].Bits);
        }
        Assert.Equal(Requests, different.Count);
    }

    private static AdapterMethod Method(int number) => AdapterMethods.All[number % AdapterMethods.All.Count];

    private void Save(int number)
    {
        JsonObject config = new() { ["r"] = 1 + (number % 6), ["target_modules"] = "all-linear" };
        CounterRandom random = new CounterRandom((ulong)number).Named("mixed");
        using TrainedAdapter adapter = Method(number).Create($"{number}", model, config, random);
        foreach (Parameter parameter in adapter.Parameters.Where(p => p.Trainable))
        {
            // Near where the method starts, but never at a start that changes nothing.
            float[] noise = new float[parameter.Value.Shape.Length];
            random.Named(parameter.Name).FillNormal(noise, 0.2f);
            Span<float> values = parameter.Value.Span;
            for (int i = 0; i < noise.Length; i++)
            {
                values[i] += noise[i];
            }
        }
        AdapterFolder.Save(adapter, Path.Combine(folder, $"{number}"));
    }
}
