using System.Text.Json;
using Lorikeet.Models;

namespace Lorikeet.Cli.Verify;

/// <summary>A bare base: its logits.</summary>
internal static class BaseCase
{
    public static void Verify(string folder, JsonElement root, CaseReport report)
    {
        using LanguageModel model = ModelLoader.Load(folder);
        Dictionary<string, float[]> golden = AdapterGolden.Tensors(Path.Combine(folder, "golden.safetensors"));
        int[][] inputs = AdapterGolden.Ids(root.GetProperty("inputs").GetProperty("input_ids"));
        double tolerance = AdapterGolden.Tolerance(root, "logits_rel", 1e-4);
        for (int i = 0; i < inputs.Length; i++)
        {
            if (golden.TryGetValue($"logits.{i}", out float[]? expected))
            {
                report.Numbers($"logits.{i}", AdapterGolden.Logits(model, null, inputs[i]), expected, tolerance);
            }
        }
        if (root.TryGetProperty("parameters", out JsonElement count))
        {
            report.Equal("parameters", model.ParameterCount == count.GetInt64(), $"{model.ParameterCount} computed, {count.GetInt64()} expected");
        }
    }
}
