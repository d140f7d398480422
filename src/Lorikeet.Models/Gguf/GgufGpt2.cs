using System.Text.Json.Nodes;
using Lorikeet.Kernels;
using Lorikeet.Models.Files;
using Lorikeet.Tensors;

namespace Lorikeet.Models.Gguf;

/// <summary>GPT-2 in GGUF files: matrices as [outputs, inputs], and a head of its own although it is the token table.</summary>
internal static class GgufGpt2
{
    private const string Eps = "attention.layer_norm_epsilon";

    public static GgufArchitecture Entry { get; } = new("gpt2", "gpt2")
    {
        Modules =
        [
            new("transformer.wte", "token_embd"),
            new("transformer.wpe", "position_embd"),
            new("transformer.ln_f", "output_norm"),
            new("lm_head", "output"),
            new("transformer.h.{}.ln_1", "blk.{}.attn_norm"),
            new("transformer.h.{}.attn.c_attn", "blk.{}.attn_qkv"),
            new("transformer.h.{}.attn.c_proj", "blk.{}.attn_output"),
            new("transformer.h.{}.ln_2", "blk.{}.ffn_norm"),
            new("transformer.h.{}.mlp.c_fc", "blk.{}.ffn_up"),
            new("transformer.h.{}.mlp.c_proj", "blk.{}.ffn_down"),
        ],
        WritesHead = true,
        ReadConfig = Read,
        WriteConfig = Write,
    };

    private static JsonObject Read(GgufFields fields, GgufFile file)
    {
        GgufNumbers numbers = new(fields, file);
        JsonObject config = numbers.Start("gpt2", "GPT2LMHeadModel");
        config["n_embd"] = numbers.Hidden;
        config["n_inner"] = numbers.Needed("feed_forward_length");
        config["n_layer"] = numbers.Needed("block_count");
        config["n_head"] = numbers.Heads;
        config["n_positions"] = numbers.Needed("context_length");
        config["n_ctx"] = numbers.Needed("context_length");
        config["layer_norm_epsilon"] = numbers.Real(Eps);
        config["activation_function"] = "gelu_new";
        return config;
    }

    private static void Write(ModelConfig config, GgufMetadata metadata)
    {
        GgufWriting.Only(config, ActivationKind.GeluTanh);
        GgufWriting.Refuse(GgufWriting.Says(config, "scale_attn_weights", "false"), config, "scale_attn_weights false");
        GgufWriting.Refuse(GgufWriting.Says(config, "scale_attn_by_inverse_layer_idx", "true"), config, "scale_attn_by_inverse_layer_idx");
        GgufWriting.Start(config, metadata, Eps);
    }
}
