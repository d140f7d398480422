using System.Text.Json;
using System.Text.Json.Nodes;
using Lorikeet.Adapters;
using Lorikeet.Models;
using Lorikeet.Models.Files;
using Lorikeet.Tensors;

namespace Lorikeet.Cli.Verify;

/// <summary>Start values by method: shapes, distributions, and whether the output changes at the start.</summary>
internal static class InitCase
{
    // Of many numbers: the range is strict, deviation and mean within what chance allows.
    private const double DeviationSlack = 0.06;

    public static void Verify(string folder, CaseReport report)
    {
        using JsonDocument json = SafeJson.ReadObject(Path.Combine(folder, "init.json"));
        int inputs = json.RootElement.GetProperty("in").GetInt32(), outputs = json.RootElement.GetProperty("out").GetInt32();
        foreach (JsonElement method in json.RootElement.GetProperty("methods").EnumerateArray())
        {
            string name = method.GetProperty("method").GetString()!;
            try
            {
                Method(name, method, inputs, outputs, report);
            }
            catch (NotSupportedException e)
            {
                report.Unsupported($"{name}: {e.Message}");
            }
        }
    }

    private static void Method(string name, JsonElement method, int inputs, int outputs, CaseReport report)
    {
        string[] words = name.Split(' ');
        JsonElement[] tensors = [.. method.GetProperty("tensors").EnumerateArray()];
        JsonObject config = new() { ["peft_type"] = words[0] };
        bool embedding = false;
        switch (words.Length > 1 ? words[1] : "")
        {
            case "":
                break;
            case "gaussian" or "orthogonal":
                config["init_lora_weights"] = words[1];
                break;
            case "false":
                config["init_lora_weights"] = false;
                break;
            case "dora":
                config["use_dora"] = true;
                break;
            case "embedding":
                embedding = true;
                break;
            default:
                throw new NotSupportedException($"the variant {words[1]} is not built yet");
        }
        int[] first = [.. tensors[0].GetProperty("shape").EnumerateArray().Select(d => d.GetInt32())];
        config["r"] = first[0];
        config["target_modules"] = new JsonArray(embedding ? "embed_tokens" : "gate_proj");
        AdapterMethod made = AdapterMethods.Of(config, name);
        int[] last = [.. tensors[^1].GetProperty("shape").EnumerateArray().Select(d => d.GetInt32())];
        ModelConfig shape = new()
        {
            HiddenSize = embedding ? last[0] : inputs,
            IntermediateSize = outputs,
            Layers = 1,
            Heads = 1,
            KeyHeads = 1,
            HeadDim = 64,
            VocabularySize = embedding ? first[1] : 64,
        };
        using LanguageModel model = ModelLoader.Create(shape, new CounterRandom(3));
        using TrainedAdapter adapter = made.Create("start", model, config, new CounterRandom(12));
        foreach (JsonElement tensor in tensors)
        {
            Tensor(name, tensor, model, adapter, report);
        }
        int[] ids = [3, 1, 4, 1, 5, 9, 2, 6];
        float[] before = AdapterGolden.Logits(model, null, ids), after = AdapterGolden.Logits(model, adapter, ids);
        double change = before.Zip(after, (x, y) => Math.Abs((double)x - y)).Max(), largest = before.Max(Math.Abs);
        bool none = method.GetProperty("largest_output_change_at_start").GetDouble() < 1e-5;
        report.Equal($"{name}: output at the start", none == change <= 1e-5 * largest, $"it changes by {change:G3} of {largest:G3}; expected {(none ? "none" : "a change")}");
    }

    private static void Tensor(string name, JsonElement tensor, LanguageModel model, TrainedAdapter adapter, CaseReport report)
    {
        string key = tensor.GetProperty("tensor").GetString()!;
        string what = $"{name}: {key}";
        Parameter? found = adapter.NamedParameters.FirstOrDefault(p => p.Key.Contains("." + key, StringComparison.Ordinal)).Parameter;
        if (found is null)
        {
            report.Fail(what, "there is no such tensor");
            return;
        }
        float[] values = found.Value.Span.ToArray();
        report.Equal(what + " count", values.Length == tensor.GetProperty("shape").EnumerateArray().Aggregate(1, (n, d) => n * d.GetInt32()), $"{found.Value.Shape}");
        JsonElement expected = tensor.GetProperty("expected");
        double deviation = Math.Sqrt(values.Average(v => (double)v * v));
        switch (expected.GetProperty("kind").GetString())
        {
            case "uniform":
                double bound = expected.GetProperty("bound").GetDouble();
                report.Equal(what + " range", values.Max(Math.Abs) <= bound * 1.00001, $"{values.Max(Math.Abs)} is outside +-{bound}");
                report.Numbers(what + " deviation", [(float)deviation], [(float)(bound / Math.Sqrt(3))], DeviationSlack);
                break;
            case "normal":
                report.Numbers(what + " deviation", [(float)deviation], [(float)expected.GetProperty("std").GetDouble()], DeviationSlack);
                break;
            case "constant":
                float constant = (float)expected.GetProperty("value").GetDouble();
                report.Equal(what, values.All(v => v == constant), $"not all are {constant}");
                break;
            case "row norm of W":
                LinearSite site = (LinearSite)model.Find(adapter.AdaptedModules[0])!;
                float[] row = new float[site.Inputs];
                float[] norms = new float[site.Outputs];
                for (int i = 0; i < norms.Length; i++)
                {
                    site.Weight.Read(i, row);
                    norms[i] = (float)Math.Sqrt(row.Sum(v => (double)v * v));
                }
                report.Numbers(what, values, norms, 1e-6);
                break;
            default:
                report.Unsupported($"{what}: a distribution of kind {expected.GetProperty("kind")} is not known");
                break;
        }
    }
}
