using System.Text.Json;
using System.Text.Json.Nodes;

namespace Lorikeet.Adapters;

/// <summary>The options of LoraConfig: what they mean, and which of them a file may hold.</summary>
internal static class LoraOptions
{
    /// <summary>How a start that takes over a part of the weights is saved; ours, and never written to a file.</summary>
    public const string Convert = "convert_to_lora";

    public static IReadOnlyList<MethodOption> All { get; } =
    [
        new("r", "8", "rank of the change"),
        new("lora_alpha", "8", "numerator of the scale"),
        new("lora_dropout", "0.0", "share of the input that is dropped before A, in training only"),
        new("target_modules", "null", "which modules: suffixes, one regular expression, \"all-linear\", or null for the architecture's own"),
        new("target_parameters", "null", "which parameters, by the end of their paths: experts' stacked ones, mlp.experts.gate_up_proj and mlp.experts.down_proj"),
        new("exclude_modules", "null", "which modules not: suffixes or one regular expression"),
        new("layers_to_transform", "null", "numbers of the layers to adapt"),
        new("layers_pattern", "null", "what stands before the layer's number in a path"),
        new("rank_pattern", "{}", "ranks by regular expression of the path; the first that matches wins"),
        new("alpha_pattern", "{}", "numerators of the scale by regular expression"),
        new("use_rslora", "false", "scale alpha / sqrt(r) in place of alpha / r"),
        new("use_dora", "false", "train a magnitude for each output"),
        new("init_lora_weights", "true", "start: true, \"gaussian\", \"orthogonal\", \"pissa\", \"pissa_niter_16\" (fast), \"olora\", or false: a start that is not the base"),
        new(Convert, "true", "what starts as pissa or olora is saved as a plain LoRA of rank 2r on the original weights; false: as it is, with the start's factors; never written to a file"),
        new("bias", "\"none\"", "which biases are trained: none, lora_only, all"),
        new("lora_bias", "false", "a trained bias on B"),
        new("modules_to_save", "null", "modules that are trained and saved whole"),
        new("trainable_token_indices", "null", "rows of the token table that are trained"),
        new("ensure_weight_tying", "false", "a tied embedding and head get one change; of a low-rank change only read, not made"),
        new("fan_in_fan_out", "false", "how the base stores its weight; the layer's own kind decides here"),
    ];

    /// <summary>Keys that a finished adapter may hold and that change nothing here; the values of the last four belong to old releases.</summary>
    private static readonly HashSet<string> Passed =
    [
        "peft_type", "task_type", "base_model_name_or_path", "revision", "auto_mapping", "peft_version", "inference_mode", "megatron_core",
        "loftq_config", "eva_config", "corda_config", "lora_ga_config", "velora_config", "monteclora_config", "use_qalora", "qalora_group_size",
        "runtime_config", "merge_weights", "enable_lora", "init_weights", "layer_replication", "alora_invocation_tokens",
        "use_bdlora", "kasa_config", "arrow_config", "megatron_config",
    ];

    /// <summary>Options that change the function and are not built, with the reason.</summary>
    private static readonly (string Key, string Why)[] Refused =
    [
        ("megatron_config", "parallel Megatron layers are not supported"),
        ("alora_invocation_tokens", "adapters that act from an invocation on (aLoRA) are not built yet"),
        ("use_bdlora", "block-diagonal factors (BD-LoRA) are not built yet"),
        ("kasa_config", "KaSA truncates the base weight, which methods never write: not built yet"),
        ("arrow_config", "routing over other adapters (Arrow) is not built yet"),
        ("layer_replication", "replicated layers are not built yet"),
    ];

    public static bool IsLora(JsonObject config) =>
        config["peft_type"] is JsonValue value && value.GetValueKind() == JsonValueKind.String && value.GetValue<string>() == "LORA";

    public static bool IsDora(JsonObject config) => config["use_dora"] is JsonValue value && value.GetValueKind() == JsonValueKind.True;

    /// <summary>The default configuration as PEFT would write it, with the given values over it.</summary>
    public static JsonObject Complete(JsonObject given)
    {
        JsonObject all = new() { ["peft_type"] = "LORA", ["task_type"] = "CAUSAL_LM", ["inference_mode"] = true };
        foreach (MethodOption option in All)
        {
            all[option.Key] = JsonNode.Parse(option.Default);
        }
        foreach ((string key, JsonNode? value) in given)
        {
            all[key] = value?.DeepClone();
        }
        return all;
    }

    /// <summary>Refuses by name what is not built, and lists the keys that nobody knows.</summary>
    public static IEnumerable<string> Check(AdapterConfig config)
    {
        foreach ((string key, string why) in Refused)
        {
            if (config.Json[key] is { } value && value is not JsonArray { Count: 0 } && value.GetValueKind() != JsonValueKind.False)
            {
                throw config.Unsupported($"{key}: {why}");
            }
        }
        HashSet<string> known = [.. All.Select(o => o.Key), .. Passed];
        foreach ((string key, _) in config.Json)
        {
            if (!known.Contains(key))
            {
                yield return $"{config.Source} has the unknown key '{key}': it is kept and has no effect";
            }
        }
    }
}
