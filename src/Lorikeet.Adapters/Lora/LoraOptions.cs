using System.Text.Json;
using System.Text.Json.Nodes;

namespace Lorikeet.Adapters;

/// <summary>The options of LoraConfig.</summary>
internal static class LoraOptions
{
    public static IReadOnlyList<MethodOption> All { get; } =
    [
        new("r", "8", "rank of the change"),
        new("lora_alpha", "8", "numerator of the scale"),
        new("lora_dropout", "0.0", "share of the input that is dropped before A, in training only"),
        new("target_modules", "null", "which modules: suffixes, one regular expression, \"all-linear\", or null for the architecture's own"),
        new("exclude_modules", "null", "which modules not: suffixes or one regular expression"),
        new("layers_to_transform", "null", "numbers of the layers to adapt"),
        new("layers_pattern", "null", "what stands before the layer's number in a path"),
        new("rank_pattern", "{}", "ranks by regular expression of the path; the first that matches wins"),
        new("alpha_pattern", "{}", "numerators of the scale by regular expression"),
        new("use_rslora", "false", "scale alpha / sqrt(r) in place of alpha / r"),
        new("use_dora", "false", "train a magnitude for each output"),
        new("init_lora_weights", "true", "start: true, \"gaussian\", \"orthogonal\" or false"),
        new("bias", "\"none\"", "which biases are trained: none, lora_only, all"),
        new("lora_bias", "false", "a trained bias on B"),
        new("modules_to_save", "null", "modules that are trained and saved whole"),
        new("trainable_token_indices", "null", "rows of the token table that are trained"),
        new("ensure_weight_tying", "false", "a tied embedding and head get one change"),
        new("fan_in_fan_out", "false", "how the base stores its weight; the layer's own kind decides here"),
    ];

    public static bool IsLora(JsonObject config) =>
        config["peft_type"] is JsonValue value && value.GetValueKind() == JsonValueKind.String && value.GetValue<string>() == "LORA";

    public static bool IsDora(JsonObject config) => config["use_dora"] is JsonValue value && value.GetValueKind() == JsonValueKind.True;
}
