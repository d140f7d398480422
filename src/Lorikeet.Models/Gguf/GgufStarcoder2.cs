using System.Text.Json.Nodes;
using Lorikeet.Kernels;
using Lorikeet.Models.Files;
using Lorikeet.Tensors;

namespace Lorikeet.Models.Gguf;

/// <summary>StarCoder 2 in GGUF files.</summary>
internal static class GgufStarcoder2
{
    private const string Eps = "attention.layer_norm_epsilon";

    public static GgufArchitecture Entry { get; } = new("starcoder2", "starcoder2")
    {
        Modules =
        [
            .. GgufLlama.Modules().Where(m => !m.Hub.Contains(".mlp.", StringComparison.Ordinal) && !m.Hub.Contains("self_attn.q_norm", StringComparison.Ordinal) && !m.Hub.Contains("self_attn.k_norm", StringComparison.Ordinal)),
            new("model.layers.{}.mlp.c_fc", "blk.{}.ffn_up"),
            new("model.layers.{}.mlp.c_proj", "blk.{}.ffn_down"),
        ],
        ReadConfig = Read,
        WriteConfig = Write,
    };

    private static JsonObject Read(GgufFields fields, GgufFile file)
    {
        GgufNumbers numbers = new GgufNumbers(fields, file).Whole();
        JsonObject config = numbers.Usual("starcoder2", "Starcoder2ForCausalLM", "norm_epsilon", Eps);
        if (numbers.HeadDim * numbers.Heads != numbers.Hidden)
        {
            throw fields.Unsupported($"heads of {numbers.HeadDim} elements in a width of {numbers.Hidden} are not built for the architecture starcoder2");
        }
        config["hidden_act"] = "gelu_pytorch_tanh";
        config["use_bias"] = file.TryGet("blk.0.attn_q.bias", out _);
        config["sliding_window"] = null;
        return config;
    }

    private static void Write(ModelConfig config, GgufMetadata metadata)
    {
        GgufWriting.NoWindows(config);
        GgufWriting.Only(config, ActivationKind.GeluTanh);
        GgufWriting.Usual(config, metadata, Eps);
    }
}
