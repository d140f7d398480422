using System.Text.Json.Nodes;
using Lorikeet.Adapters;
using Lorikeet.Kernels;
using Lorikeet.Models;
using Lorikeet.Models.Files;
using Lorikeet.Models.Text;
using Lorikeet.Tensors;

namespace Lorikeet.Cli.Tests;

/// <summary>A tiny model folder and adapter folders for it, all of random numbers.</summary>
internal static class TinyFiles
{
    public static ModelConfig Config { get; } = new()
    {
        HiddenSize = 16,
        IntermediateSize = 24,
        Layers = 2,
        Heads = 4,
        KeyHeads = 2,
        HeadDim = 4,
        VocabularySize = 257,
        MaxPositions = 64,
    };

    public static string Model(string folder, ElementType type = ElementType.F32, int positions = 64)
    {
        using LanguageModel model = ModelLoader.Create(Config with { MaxPositions = positions }, new CounterRandom(7), type);
        ModelWriter.Save(model, folder);
        new ByteTokenizer().Save(folder);
        return folder;
    }

    public static string Adapter(string folder, string model, string method = "lora", ulong seed = 1, string? options = null)
    {
        using LanguageModel loaded = ModelLoader.Load(model);
        JsonObject config = options is null
            ? new() { ["r"] = 2, ["lora_alpha"] = 4, ["target_modules"] = new JsonArray("q_proj", "v_proj", "down_proj") }
            : JsonNode.Parse(options)!.AsObject();
        using TrainedAdapter adapter = AdapterMethods.Find(method).Create("tiny", loaded, config, new CounterRandom(seed));
        foreach ((string key, Parameter parameter) in adapter.NamedParameters)
        {
            new CounterRandom(seed).Named(key).FillNormal(parameter.Value.Span, 0.1f);
        }
        AdapterFolder.Save(adapter, folder);
        return folder;
    }

    /// <summary>Writes one float32 number in place of another.</summary>
    public static void Change(string safetensors, string tensor, long element, Func<float, float> change)
    {
        long at;
        using (SafetensorsFile file = SafetensorsFile.Open(safetensors))
        {
            Assert.True(file.TryGet(tensor, out StoredTensor? stored), $"{safetensors} has no {tensor}");
            Assert.Equal(StoredType.F32, stored.Type);
            at = stored.Offset + (element * sizeof(float));
        }
        byte[] bytes = File.ReadAllBytes(safetensors);
        BitConverter.TryWriteBytes(bytes.AsSpan((int)at), change(BitConverter.ToSingle(bytes, (int)at)));
        File.WriteAllBytes(safetensors, bytes);
    }

    public static void ChangeText(string path, string old, string fresh)
    {
        string text = File.ReadAllText(path);
        int at = text.IndexOf(old, StringComparison.Ordinal);
        Assert.True(at >= 0, $"{path} has no {old}");
        File.WriteAllText(path, text[..at] + fresh + text[(at + old.Length)..]);
    }
}
