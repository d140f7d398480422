using System.Text.Json;
using Lorikeet.Kernels;
using Lorikeet.Models;
using Lorikeet.Models.Files;
using Lorikeet.Models.Gguf;
using Lorikeet.Models.Text;

namespace Lorikeet.Cli.Verify;

/// <summary>A folder of one model in several files: logits of each, of the folder it comes from, token ids of texts, the configuration.</summary>
internal static class GgufModelCase
{
    // The README's tolerance: |x - golden| at most this times (1 + largest |golden|).
    private const double Tolerance = 1e-4;

    public static void Verify(string folder, CaseReport report)
    {
        string path = Path.Combine(folder, "case.json");
        using JsonDocument json = SafeJson.ReadObject(path);
        JsonElement root = json.RootElement;
        JsonFields sequences = new(root.GetProperty("sequences"), path);
        Dictionary<string, int[]> inputs = root.GetProperty("sequences").EnumerateObject().ToDictionary(s => s.Name, s => sequences.Integers(s.Name, 0, int.MaxValue - 1).ToArray());
        using SafetensorsFile golden = SafetensorsFile.Open(Path.Combine(folder, "golden.safetensors"));
        HashSet<string> left = [.. golden.Tensors.Select(t => t.Name)];
        string hub = Path.Combine(folder, "hf");
        if (Directory.Exists(hub))
        {
            Logits("hf", hub, inputs, golden, left, report);
        }
        else
        {
            // The folder of the hub that the files were made from is not among the files.
            left.RemoveWhere(n => n.StartsWith("hf.", StringComparison.Ordinal));
        }
        using JsonDocument config = JsonDocument.Parse(root.GetProperty("config").GetRawText());
        ModelConfig expected = ModelConfigFile.Parse(config.RootElement, path);
        foreach (JsonElement entry in root.GetProperty("files").EnumerateArray())
        {
            string name = entry.GetProperty("file").GetString()!, file = Path.Combine(folder, name);
            Config(name, file, entry, expected, report);
            Logits(Path.GetFileNameWithoutExtension(name), file, inputs, golden, left, report);
            Tokens(name, file, root, report);
        }
        foreach (string name in left.Order(StringComparer.Ordinal))
        {
            report.Fail(name, "golden.safetensors holds a value that is not computed");
        }
    }

    /// <summary>Compares the logits of each sequence with tensors KIND.logits.NAME.</summary>
    internal static void Logits(string kind, string model, Dictionary<string, int[]> inputs, SafetensorsFile golden, HashSet<string> left, CaseReport report)
    {
        // Quantised products may round their input; the reference dequantises and multiplies in float32.
        using LanguageModel loaded = ModelLoader.Load(model, new ModelLoadOptions { ConvertTo = WeightFormat.Of(ElementType.F32) });
        foreach ((string name, int[] ids) in inputs)
        {
            string what = $"{kind}.logits.{name}";
            if (golden.TryGet(what, out StoredTensor? expected))
            {
                left.Remove(what);
                using ModelRun run = new() { Rows = new Rows(ids.Length) };
                report.Numbers(what, loaded.Logits(run, loaded.Forward(run, Input.Of(ids))).Span, TensorFiles.Floats(golden, expected), Tolerance, Tolerance);
            }
        }
    }

    private static void Config(string name, string path, JsonElement entry, ModelConfig expected, CaseReport report)
    {
        using GgufModel model = GgufModel.Open(path);
        TokenizersVerifier.Same(
            report, $"{name}: tensor_types", entry.GetProperty("tensor_types").EnumerateArray().Select(t => t.GetString()!), model.File.Tensors.Select(t => t.TypeName).Distinct().Order(StringComparer.Ordinal));
        // What the file cannot say is left out: where the numbers come from, and which class reads them.
        ModelConfig found = model.Config with { Source = null, StoredType = null, ModelType = "", Windows = [] };
        ModelConfig wanted = expected with { Source = null, StoredType = null, ModelType = "", Windows = [], EndIds = found.EndIds };
        // The converter takes llama3's trained length from elsewhere: the divisors decide.
        report.Equal($"{name}: config", found == wanted, $"{found} computed, {wanted} expected");
        TokenizersVerifier.Same(report, $"{name}: eos", expected.EndIds, model.Config.EndIds);
    }

    private static void Tokens(string name, string path, JsonElement root, CaseReport report)
    {
        if (!root.TryGetProperty("tokenised", out JsonElement texts))
        {
            return;
        }
        Tokenizer tokenizer = Tokenizer.Load(path);
        foreach (JsonElement item in texts.EnumerateArray())
        {
            string text = item.GetProperty("text").GetString()!;
            int[] ids = TokenizersVerifier.Integers(item.GetProperty("ids"));
            TokenizersVerifier.Same(report, $"{name}: ids of {JsonSerializer.Serialize(text)}", ids, tokenizer.Encode(text, addSpecialTokens: false));
            report.Equal($"{name}: text of {JsonSerializer.Serialize(text)}", tokenizer.Decode(ids) == text, $"{JsonSerializer.Serialize(tokenizer.Decode(ids))} computed");
        }
    }
}
