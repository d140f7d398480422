using System.Text.Json.Nodes;
using Lorikeet.Adapters;
using Lorikeet.Models;
using Lorikeet.Tensors;

namespace Lorikeet.Training.Tests;

/// <summary>Small models, adapters and data that tests train in milliseconds.</summary>
internal static class Tiny
{
    public static LanguageModel Model() => ModelLoader.Create(
        new ModelConfig
        {
            HiddenSize = 32,
            IntermediateSize = 48,
            Layers = 2,
            Heads = 4,
            KeyHeads = 2,
            HeadDim = 8,
            VocabularySize = 61,
            MaxPositions = 256,
        },
        new CounterRandom(7));

    public static TrainedAdapter Lora(LanguageModel model, string name, int seed, double dropout = 0)
    {
        JsonObject config = new() { ["r"] = 3, ["lora_alpha"] = 6, ["target_modules"] = "all-linear", ["lora_dropout"] = dropout };
        return AdapterMethods.Find("lora").Create(name, model, config, new CounterRandom((ulong)seed));
    }

    /// <summary>A source of random sequences that differs by seed.</summary>
    public static PackedBatches Data(int seed, int documents = 12, int tokens = 48)
    {
        TokenDocuments all = new(24);
        CounterRandom random = new((ulong)seed, 99);
        ulong at = 0;
        for (int i = 0; i < documents; i++)
        {
            int length = 5 + random.Integer(at++, 30);
            int[] ids = new int[length];
            bool[] learn = new bool[length];
            for (int j = 0; j < length; j++)
            {
                ids[j] = random.Integer(at++, 61);
                learn[j] = random.Integer(at++, 4) > 0;
            }
            all.Add(ids, learn, new short[length], whole: true);
        }
        return new PackedBatches(all.All(), tokens, new CounterRandom((ulong)seed));
    }

    public static Trainee Trainee(string name, Adapter adapter, IBatchSource data, int steps = 20, double? clip = 0.5, Objective? objective = null) => new(
        name,
        adapter,
        Training.Trainee.Group(adapter.Parameters, 0.01, all: true),
        data,
        new AdamW(),
        Schedule.Create("cosine", new ScheduleSettings { Rate = 0.01, Warmup = 2, Steps = steps }),
        clip)
    { Objective = objective ?? new Objective() };

    public static float[] Values(Adapter adapter) => [.. adapter.Parameters.SelectMany(p => p.Value.Span.ToArray())];
}
