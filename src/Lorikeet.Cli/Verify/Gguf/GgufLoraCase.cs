using System.Text.Json;
using Lorikeet.Adapters;
using Lorikeet.Kernels;
using Lorikeet.Models;
using Lorikeet.Models.Files;

namespace Lorikeet.Cli.Verify;

/// <summary>lora-case.json: an adapter folder and the same adapter as lora-KIND.gguf; logits of both, and the file that this library writes.</summary>
internal static class GgufLoraCase
{
    /// <summary>The file that such a folder has.</summary>
    public const string FileName = "lora-case.json";

    private const double Tolerance = 1e-4;
    private const string Half = "half.";

    public static void Verify(string folder, CaseReport report)
    {
        using JsonDocument json = SafeJson.ReadObject(Path.Combine(folder, FileName)), models = SafeJson.ReadObject(Path.Combine(folder, "case.json"));
        JsonElement root = json.RootElement, sequences = models.RootElement.GetProperty("sequences");
        Dictionary<string, float[]> golden = AdapterGolden.Tensors(Path.Combine(folder, "lora-golden.safetensors"));
        HashSet<string> left = [.. golden.Keys];
        string peft = Path.Combine(folder, "lora-peft");
        using (LanguageModel hub = ModelLoader.Load(Path.Combine(folder, "hf")))
        using (TrainedAdapter adapter = AdapterFolder.Load(peft, hub))
        {
            Logits("lora-peft", hub, adapter, sequences, golden, left, report);
        }
        foreach (string path in Directory.EnumerateFiles(folder, "lora-*.gguf").Order(StringComparer.Ordinal))
        {
            string name = Path.GetFileName(path), model = Path.Combine(folder, name["lora-".Length..]);
            using LanguageModel loaded = ModelLoader.Load(File.Exists(model) ? model : Path.Combine(folder, "hf"), new ModelLoadOptions { ConvertTo = WeightFormat.Of(ElementType.F32) });
            using TrainedAdapter adapter = AdapterFolder.Load(path, loaded);
            AdapterConfig config = new(adapter.Config, name);
            report.Equal($"{name}: r", config.Integer("r", 0) == root.GetProperty("r").GetInt32(), $"{config.Integer("r", 0)} computed");
            report.Equal($"{name}: alpha", config.Number("lora_alpha", 0) == root.GetProperty("alpha").GetDouble(), $"{config.Number("lora_alpha", 0)} computed");
            TokenizersVerifier.Same(report, $"{name}: targets", TokenizersVerifier.Texts(root.GetProperty("targets")).Order(StringComparer.Ordinal), (config.Texts("target_modules") ?? []).Order(StringComparer.Ordinal));
            Logits(name, loaded, adapter, sequences, golden, left, report);
            using TrainedAdapter other = AdapterFolder.Load(peft, loaded);
            Written(name, path, other, report);
        }
        foreach (string name in left.Order(StringComparer.Ordinal))
        {
            report.Fail(name, "lora-golden.safetensors holds a value that is not computed");
        }
    }

    private static void Logits(
        string what, LanguageModel model, TrainedAdapter adapter, JsonElement sequences, Dictionary<string, float[]> golden, HashSet<string> left, CaseReport report)
    {
        using TrainedAdapter half = Merging.WeightedSum("half", [adapter], [0.5], "cat");
        foreach ((string name, float[] expected) in golden)
        {
            bool halved = name.StartsWith(Half, StringComparison.Ordinal);
            string[] parts = (halved ? name[Half.Length..] : name).Split('.');
            if (parts is ["logits", var sequence] && sequences.TryGetProperty(sequence, out JsonElement ids))
            {
                left.Remove(name);
                report.Numbers($"{what}: {name}", AdapterGolden.Logits(model, halved ? half : adapter, TokenizersVerifier.Integers(ids)), expected, Tolerance, Tolerance);
            }
        }
    }

    // The adapter of the folder, written here: the same factors as llama.cpp's converter writes, whatever their order.
    private static void Written(string name, string path, TrainedAdapter adapter, CaseReport report)
    {
        string copy = Path.Combine(Path.GetTempPath(), $"lorikeet-verify-{Guid.NewGuid():N}.gguf");
        try
        {
            GgufLora.Save(adapter, copy);
            using GgufFile expected = GgufFile.Open(path), got = GgufFile.Open(copy);
            TokenizersVerifier.Same(report, $"{name}: tensors written", expected.Tensors.Select(t => t.Name).Order(StringComparer.Ordinal), got.Tensors.Select(t => t.Name).Order(StringComparer.Ordinal));
            foreach (GgufTensor tensor in expected.Tensors)
            {
                report.Equal(
                    $"{name}: {tensor.Name} written",
                    got.TryGet(tensor.Name, out GgufTensor? own) && own.TypeId == tensor.TypeId && own.Extents.SequenceEqual(tensor.Extents) && got.Bytes(own).SequenceEqual(expected.Bytes(tensor)),
                    "other type, extents or bytes");
            }
            foreach (string key in (ReadOnlySpan<string>)["general.architecture", "general.type", "adapter.type", "adapter.lora.alpha"])
            {
                report.Equal($"{name}: {key} written", got.Metadata.TryGetValue(key, out GgufValue? value) && value.Value.Equals(expected.Metadata[key].Value), $"{got.Metadata.GetValueOrDefault(key)} written, {expected.Metadata[key]} expected");
            }
        }
        finally
        {
            File.Delete(copy);
        }
    }
}
