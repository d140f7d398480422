using System.Text.Json;
using System.Text.Json.Nodes;

namespace Lorikeet.Adapters;

/// <summary>What a FLORA or HIRA configuration says.</summary>
/// <param name="IsHira">True: PEFT's HiRA files and keys; the residual form with s = 1.</param>
/// <param name="Rank">r.</param>
/// <param name="Form">Mode, reduction, scale.</param>
/// <param name="Dropout">hira_dropout.</param>
internal sealed record FloraOptions(bool IsHira, int Rank, FloraForm Form, float Dropout)
{
    public const string Hira = "HIRA";
    public const string Flora = "FLORA";
    public const int MostRank = 4096;

    public static IReadOnlyList<MethodOption> All { get; } =
    [
        new("r", "1 (HIRA: 32)", "number of components; each costs one product with the weight for each token"),
        new("mode", "\"direct\"", "direct: W o M as in the paper; residual: W o (1 + s M), with s = 1 PEFT's HiRA"),
        new("reduction", "\"mean\"", "mean or sum over the components, in the direct form"),
        new("scale", "1.0", "s of the residual form"),
        new("hira_dropout", "0.0", "share of the change's input that is dropped, in training only; residual form with scale 1"),
        new("target_modules", "null", "which modules: suffixes, one regular expression, \"all-linear\", or null for the architecture's own"),
        new("exclude_modules", "null", "which modules not: suffixes or one regular expression"),
        new("layers_to_transform", "null", "numbers of the layers to adapt"),
        new("layers_pattern", "null", "what stands before the layer's number in a path"),
    ];

    /// <summary>The keys of a HIRA configuration; others have no effect there.</summary>
    public static string[] HiraKeys { get; } =
    [
        "auto_mapping", "base_model_name_or_path", "exclude_modules", "fan_in_fan_out", "hira_dropout", "inference_mode", "init_weights",
        "layers_pattern", "layers_to_transform", "modules_to_save", "peft_type", "peft_version", "r", "rank_pattern", "revision", "runtime_config",
        "target_modules", "task_type",
    ];

    public static bool Reads(JsonObject config) =>
        config["peft_type"] is JsonValue value && value.GetValueKind() == JsonValueKind.String && value.GetValue<string>() is Hira or Flora;

    public static FloraOptions Read(AdapterConfig config)
    {
        bool hira = config.Text("peft_type") == Hira;
        int rank = config.Integer("r", hira ? 32 : 1, 1, MostRank);
        double dropout = config.Number("hira_dropout", 0);
        if (dropout is < 0 or >= 1)
        {
            throw config.Bad($"hira_dropout must be 0 or more and less than 1, found {dropout}.");
        }
        if (hira)
        {
            return new FloraOptions(true, rank, FloraForm.Hira, (float)dropout);
        }
        FloraMode mode = config.Text("mode") switch
        {
            null or "direct" => FloraMode.Direct,
            "residual" => FloraMode.Residual,
            string other => throw config.Bad($"mode must be \"direct\" or \"residual\", found \"{other}\"."),
        };
        FloraReduction reduction = config.Text("reduction") switch
        {
            null => mode == FloraMode.Direct ? FloraReduction.Mean : FloraReduction.Sum,
            "mean" => FloraReduction.Mean,
            "sum" => FloraReduction.Sum,
            string other => throw config.Bad($"reduction must be \"mean\" or \"sum\", found \"{other}\"."),
        };
        double scale = config.Number("scale", 1);
        if (mode == FloraMode.Residual && reduction == FloraReduction.Mean)
        {
            throw config.Bad("reduction \"mean\" belongs to mode \"direct\"; in mode \"residual\" use scale (1/r for a mean).");
        }
        if (mode == FloraMode.Direct && scale != 1)
        {
            throw config.Bad($"scale belongs to mode \"residual\", found {scale} in mode \"direct\"; the direct form has its reduction.");
        }
        bool residualLikeHira = mode == FloraMode.Residual && scale == 1;
        if (dropout != 0 && !residualLikeHira)
        {
            throw config.Bad("hira_dropout needs mode \"residual\" with scale 1: the direct form has no path of its own to drop from.");
        }
        return new FloraOptions(residualLikeHira, rank, new FloraForm(mode, reduction, (float)scale), (float)dropout);
    }
}
