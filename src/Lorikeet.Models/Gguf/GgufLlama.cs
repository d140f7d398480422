using System.Text.Json.Nodes;
using Lorikeet.Kernels;
using Lorikeet.Models.Files;
using Lorikeet.Tensors;

namespace Lorikeet.Models.Gguf;

/// <summary>The Llama family in GGUF files. Those of architecture <c>llama</c> have the rows of q and k permuted so that rotated pairs are neighbours.</summary>
internal static class GgufLlama
{
    public static GgufArchitecture Llama { get; } = new("llama", "llama", "mistral")
    {
        Modules = Modules(GgufHeads.Query, GgufHeads.Key),
        ReadConfig = ReadLlama,
        WriteConfig = (config, metadata) =>
        {
            GgufWriting.Refuse(config.AttentionBias != config.OutputBias, config, "a bias on q, k and v alone");
            Write(config, metadata);
        },
    };

    public static GgufArchitecture Qwen2 { get; } = new("qwen2", "qwen2")
    {
        Modules = Modules(),
        ReadConfig = (fields, file) => Read(fields, file, "qwen2", "Qwen2ForCausalLM"),
        WriteConfig = Write,
    };

    public static GgufArchitecture Qwen3 { get; } = new("qwen3", "qwen3")
    {
        Modules = Modules(),
        ReadConfig = (fields, file) => Read(fields, file, "qwen3", "Qwen3ForCausalLM"),
        WriteConfig = (config, metadata) =>
        {
            GgufWriting.NoBiases(config);
            Write(config, metadata);
        },
    };

    /// <summary>The modules of Llama's blocks.</summary>
    /// <param name="query">Whose heads the rows of q are.</param>
    /// <param name="key">Whose heads the rows of k are.</param>
    public static GgufName[] Modules(GgufHeads query = GgufHeads.None, GgufHeads key = GgufHeads.None) =>
    [
        new("model.embed_tokens", "token_embd"),
        new("model.norm", "output_norm"),
        new("lm_head", "output"),
        new("model.layers.{}.input_layernorm", "blk.{}.attn_norm"),
        new("model.layers.{}.self_attn.q_proj", "blk.{}.attn_q", query),
        new("model.layers.{}.self_attn.k_proj", "blk.{}.attn_k", key),
        new("model.layers.{}.self_attn.v_proj", "blk.{}.attn_v"),
        new("model.layers.{}.self_attn.q_norm", "blk.{}.attn_q_norm"),
        new("model.layers.{}.self_attn.k_norm", "blk.{}.attn_k_norm"),
        new("model.layers.{}.self_attn.o_proj", "blk.{}.attn_output"),
        new("model.layers.{}.post_attention_layernorm", "blk.{}.ffn_norm"),
        new("model.layers.{}.mlp.gate_proj", "blk.{}.ffn_gate"),
        new("model.layers.{}.mlp.up_proj", "blk.{}.ffn_up"),
        new("model.layers.{}.mlp.down_proj", "blk.{}.ffn_down"),
    ];

    private static JsonObject ReadLlama(GgufFields fields, GgufFile file)
    {
        if (fields.Integer("llama.expert_count", 0, int.MaxValue) is > 0)
        {
            throw fields.Unsupported("llama.expert_count: mixtures of experts are not built yet in GGUF files");
        }
        JsonObject config = Read(fields, file, "llama", "LlamaForCausalLM");
        bool q = file.TryGet("blk.0.attn_q.bias", out _), o = file.TryGet("blk.0.attn_output.bias", out _);
        if (q != o)
        {
            throw fields.Unsupported($"a bias on {(q ? "q" : "the attention's output")} alone is not built for the architecture llama");
        }
        config["attention_bias"] = q;
        config["mlp_bias"] = file.TryGet("blk.0.ffn_gate.bias", out _);
        return config;
    }

    private static JsonObject Read(GgufFields fields, GgufFile file, string modelType, string className)
    {
        GgufNumbers numbers = new GgufNumbers(fields, file).Whole();
        JsonObject config = numbers.Usual(modelType, className);
        config["head_dim"] = numbers.HeadDim;
        config["hidden_act"] = "silu";
        return config;
    }

    private static void Write(ModelConfig config, GgufMetadata metadata)
    {
        GgufWriting.NoWindows(config);
        GgufWriting.Only(config, ActivationKind.Silu);
        GgufWriting.Usual(config, metadata);
    }
}
