using System.Text.Json.Nodes;
using Lorikeet.Kernels;
using Lorikeet.Models.Files;
using Lorikeet.Tensors;

namespace Lorikeet.Models.Gguf;

/// <summary>OLMo 2 in GGUF files.</summary>
internal static class GgufOlmo2
{
    public static GgufArchitecture Entry { get; } = new("olmo2", "olmo2")
    {
        Modules =
        [
            .. GgufLlama.Modules().Where(m => !m.Hub.EndsWith("layernorm", StringComparison.Ordinal)),
            new("model.layers.{}.post_attention_layernorm", "blk.{}.post_attention_norm"),
            new("model.layers.{}.post_feedforward_layernorm", "blk.{}.post_ffw_norm"),
        ],
        ReadConfig = (fields, file) =>
        {
            GgufNumbers numbers = new GgufNumbers(fields, file).Whole();
            JsonObject config = numbers.Usual("olmo2", "Olmo2ForCausalLM");
            config["hidden_act"] = "silu";
            return numbers.HeadDim * numbers.Heads == numbers.Hidden
                ? config
                : throw fields.Unsupported($"heads of {numbers.HeadDim} elements in a width of {numbers.Hidden} are not built for the architecture olmo2");
        },
        WriteConfig = (config, metadata) =>
        {
            GgufWriting.NoBiases(config);
            GgufWriting.Only(config, ActivationKind.Silu);
            GgufWriting.Usual(config, metadata);
        },
    };
}
