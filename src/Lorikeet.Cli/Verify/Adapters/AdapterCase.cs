using System.Text.Json;
using System.Text.Json.Nodes;
using Lorikeet.Adapters;
using Lorikeet.Models;

namespace Lorikeet.Cli.Verify;

/// <summary>An adapter folder as save_pretrained writes it: function, gradients, counts, merging, and the round trip.</summary>
internal static class AdapterCase
{
    public static void Verify(string folder, JsonElement root, CaseReport report)
    {
        AdapterMethods.Of(AdapterFolder.ReadConfig(folder), Path.Combine(folder, AdapterFolder.ConfigName));
        using LanguageModel model = AdapterGolden.Base(folder, root);
        using TrainedAdapter adapter = AdapterFolder.Load(folder, model, baseName: root.GetProperty("base").GetString());
        Dictionary<string, float[]> golden = AdapterGolden.Tensors(Path.Combine(folder, "golden.safetensors"));
        int[][] inputs = AdapterGolden.Ids(root.GetProperty("inputs").GetProperty("input_ids"));
        Function(model, adapter, golden, inputs, AdapterGolden.Tolerance(root, "logits_rel", 1e-4), report);
        Counts(adapter, root, report);
        Gradients(model, adapter, golden, inputs, root, report);
        Merge(model, adapter, golden, inputs, root, report);
        RoundTripCheck.Files(adapter, folder, report);
    }

    public static void Function(
        LanguageModel model, TrainedAdapter adapter, Dictionary<string, float[]> golden, int[][] inputs, double tolerance, CaseReport report)
    {
        for (int i = 0; i < inputs.Length; i++)
        {
            if (golden.TryGetValue($"logits.{i}", out float[]? expected))
            {
                report.Numbers($"logits.{i}", AdapterGolden.Logits(model, adapter, inputs[i]), expected, tolerance);
                report.Numbers($"logits.{i} (own forward)", AdapterGolden.Logits(model, adapter, inputs[i], ownForwards: true), expected, tolerance);
            }
        }
    }

    private static void Counts(TrainedAdapter adapter, JsonElement root, CaseReport report)
    {
        report.Equal(
            "parameter formula", adapter.ParameterCount == adapter.ExpectedParameterCount, $"{adapter.ParameterCount} trained, {adapter.ExpectedParameterCount} by the formula");
        if (root.TryGetProperty("trainable_parameters", out JsonElement count) && IsAsBuilt(adapter, root))
        {
            report.Equal("trainable_parameters", adapter.ParameterCount == count.GetInt64(), $"{adapter.ParameterCount} computed, {count.GetInt64()} expected");
        }
        if (root.TryGetProperty("adapted_modules", out JsonElement modules))
        {
            string[] expected = [.. modules.EnumerateArray().Select(m => m.GetString()!).Order(StringComparer.Ordinal)];
            string[] got = [.. adapter.AdaptedModules.Order(StringComparer.Ordinal)];
            report.Equal("adapted_modules", got.SequenceEqual(expected), $"{string.Join(", ", got)} computed, {string.Join(", ", expected)} expected");
        }
    }

    /// <summary>False where saving converted the adapter (other rank, other start), or where it has samplers, which are kept and not trained here.</summary>
    private static bool IsAsBuilt(TrainedAdapter adapter, JsonElement root)
    {
        if (adapter.Config["monteclora_config"] is not null || !root.TryGetProperty("options", out JsonElement options))
        {
            return false;
        }
        string[] keys = ["r", "init_lora_weights", "rank_pattern"];
        return keys.All(key => options.TryGetProperty(key, out JsonElement built)
            ? JsonNode.DeepEquals(JsonNode.Parse(built.GetRawText()), adapter.Config[key])
            : key != "rank_pattern" || adapter.Config[key] is not JsonObject { Count: > 0 });
    }

    private static void Gradients(
        LanguageModel model, TrainedAdapter adapter, Dictionary<string, float[]> golden, int[][] inputs, JsonElement root, CaseReport report)
    {
        if (!root.TryGetProperty("loss", out JsonElement expectedLoss))
        {
            return;
        }
        int sequence = root.TryGetProperty("loss_sequence", out JsonElement which) ? which.GetInt32() : 0;
        float loss = AdapterGolden.LossAndGradients(model, adapter, inputs[sequence]);
        report.Numbers("loss", [loss], [(float)expectedLoss.GetDouble()], 0, AdapterGolden.Tolerance(root, "loss_abs", 1e-4));
        double tolerance = AdapterGolden.Tolerance(root, "grad_rel", 1e-3);
        Dictionary<string, Tensors.Parameter> parameters = adapter.NamedParameters.ToDictionary(p => p.Key, p => p.Parameter);
        foreach ((string name, float[] expected) in golden.Where(t => t.Key.StartsWith("grad.", StringComparison.Ordinal)))
        {
            if (parameters.TryGetValue(name["grad.".Length..], out Tensors.Parameter? parameter) && parameter.HasGradient)
            {
                report.Numbers(name, parameter.Gradient.Span, expected, tolerance);
            }
            else
            {
                report.Fail(name, "the adapter has no gradient of that name");
            }
        }
    }

    private static void Merge(
        LanguageModel model, TrainedAdapter adapter, Dictionary<string, float[]> golden, int[][] inputs, JsonElement root, CaseReport report)
    {
        bool can = root.TryGetProperty("can_merge", out JsonElement flag) && flag.GetBoolean();
        float[] before = AdapterGolden.Logits(model, null, inputs[0]);
        if (!can)
        {
            MergeRefused(model, adapter, report);
            return;
        }
        double tolerance = AdapterGolden.Tolerance(root, "logits_rel", 1e-4);
        using (MergedModel merged = Merging.MergeInto(model, adapter))
        {
            for (int i = 0; i < inputs.Length; i++)
            {
                if (golden.TryGetValue($"merged_logits.{i}", out float[]? expected))
                {
                    report.Numbers($"merged_logits.{i}", AdapterGolden.Logits(model, null, inputs[i]), expected, tolerance);
                }
            }
            MergedWeights(model, golden, AdapterGolden.Tolerance(root, "merged_weight_rel", 1e-5), report);
            if (root.TryGetProperty("changed_by_merge", out JsonElement changed))
            {
                string[] expected = [.. changed.EnumerateArray().Select(n => n.GetString()!).Order(StringComparer.Ordinal)];
                string[] got = [.. merged.Changed.Select(name => Stacked(model, name)).Distinct().Order(StringComparer.Ordinal)];
                report.Equal("changed_by_merge", got.SequenceEqual(expected), $"{string.Join(", ", got)} computed, {string.Join(", ", expected)} expected");
            }
        }
        report.Equal("unmerged = base", before.AsSpan().SequenceEqual(AdapterGolden.Logits(model, null, inputs[0])), "the logits differ in bits");
    }

    /// <summary>The stacked parameter that a tensor of an expert belongs to in the library; another tensor's own name.</summary>
    private static string Stacked(LanguageModel model, string name)
    {
        foreach (ExpertStack stack in model.ExpertStacks)
        {
            foreach (string parameter in (ReadOnlySpan<string>)["gate_up_proj", "down_proj"])
            {
                if (stack.Layers(parameter).Any(layers => layers.Any(layer => layer.Name + ".weight" == name)))
                {
                    return $"{stack.Path}.{parameter}";
                }
            }
        }
        return name;
    }

    private static void MergeRefused(LanguageModel model, TrainedAdapter adapter, CaseReport report)
    {
        try
        {
            using MergedModel merged = Merging.MergeInto(model, adapter);
            report.Fail("merge", "it was merged; the case says that it cannot be");
        }
        catch (NotSupportedException)
        {
            report.Equal("merge is refused", true, "");
        }
    }

    private static void MergedWeights(LanguageModel model, Dictionary<string, float[]> golden, double tolerance, CaseReport report)
    {
        foreach ((string name, float[] expected) in golden.Where(t => t.Key.StartsWith("merged.", StringComparison.Ordinal)))
        {
            string tensor = name["merged.".Length..];
            string path = tensor[..tensor.LastIndexOf('.')];
            float[]? got = (model.Find(path), tensor.EndsWith(".bias", StringComparison.Ordinal)) switch
            {
                (LinearSite { Transposed: true } linear, false) => TensorFiles.Transposed(linear.Weight.ToArray(), linear.Outputs),
                (LinearSite linear, false) => linear.Weight.ToArray(),
                (LinearSite linear, true) => linear.Bias?.Value.Span.ToArray(),
                (EmbeddingSite embedding, false) => embedding.Weight.ToArray(),
                (NormSite norm, false) => norm.Weight.Value.Span.ToArray(),
                (NormSite norm, true) => norm.Bias?.Value.Span.ToArray(),
                _ => model.ExpertStacks.FirstOrDefault(stack => stack.Path == path)?.Layers(tensor[(path.Length + 1)..])
                    .SelectMany(layers => layers.SelectMany(layer => layer.Weight.ToArray())).ToArray(),
            };
            if (got is null)
            {
                report.Fail(name, "the model has no such tensor");
            }
            else
            {
                report.Numbers(name, got, expected, tolerance);
            }
        }
    }
}
