using System.Text.Json.Nodes;
using Lorikeet.Models;
using Lorikeet.Models.Files;

namespace Lorikeet.Adapters;

/// <summary>An adapter whose factors took over a part of the weights; its files are a plain LoRA of twice the rank on the untouched weights.</summary>
/// <remarks>
/// dW = s (B A - B0 A0) = s [B | -B0] [A ; A0], without approximation. The scale stays: r' = 2 r with alpha' = 2 alpha, or alpha sqrt(2) for rsLoRA.
/// Source: PEFT, subtract_mutated_init.
/// </remarks>
internal sealed class StartedAdapter(string name, LanguageModel model, AdapterMethod method, JsonObject config, IReadOnlyDictionary<string, LowRankSite> byKey)
    : TrainedAdapter(name, model, method, config)
{
    /// <inheritdoc/>
    public override JsonObject FileConfig
    {
        get
        {
            JsonObject written = (JsonObject)Config.DeepClone();
            double factor = written["use_rslora"]?.GetValue<bool>() == true ? Math.Sqrt(2) : 2;
            AdapterConfig read = new(Config, AdapterFolder.ConfigName);
            written["r"] = 2 * read.Integer("r", 8, 1);
            written["lora_alpha"] = Number(read.Number("lora_alpha", 8) * factor);
            written["init_lora_weights"] = true;
            Multiply(written, "rank_pattern", 2);
            Multiply(written, "alpha_pattern", factor);
            return written;
        }
    }

    /// <inheritdoc/>
    public override IReadOnlyList<TensorToWrite> FileTensors =>
        [.. base.FileTensors.Select(tensor => byKey.TryGetValue(tensor.Name, out LowRankSite? site) ? Converted(tensor, site) : tensor)];

    private static TensorToWrite Converted(TensorToWrite tensor, LowRankSite site)
    {
        (float[] a, float[] b) = site.Whole();
        bool first = tensor.Name == site.Pair.A.Name;
        return TensorToWrite.Single(tensor.Name, first ? [2 * tensor.Shape[0], tensor.Shape[1]] : [tensor.Shape[0], 2 * tensor.Shape[1]], first ? a : b, tensor.Type);
    }

    private static void Multiply(JsonObject config, string key, double factor)
    {
        if (config[key] is not JsonObject pattern)
        {
            return;
        }
        foreach ((string module, JsonNode? value) in pattern.ToArray())
        {
            if (value is not null)
            {
                pattern[module] = Number(new AdapterConfig(pattern, AdapterFolder.ConfigName).Number(module, 0) * factor);
            }
        }
    }

    /// <summary>A whole number is written as one.</summary>
    private static JsonNode Number(double value) => value == Math.Floor(value) && Math.Abs(value) < 1e15 ? JsonValue.Create((long)value) : JsonValue.Create(value);
}
