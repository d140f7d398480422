using System.Text.Json.Nodes;
using Lorikeet.Models.Files;

namespace Lorikeet.Models.Gguf;

/// <summary>The Llama family in GGUF files. Those of architecture <c>llama</c> have the rows of q and k permuted so that rotated pairs are neighbours.</summary>
internal static class GgufLlama
{
    public static GgufArchitecture Llama { get; } = new("llama", "llama", "mistral")
    {
        Modules = Modules(GgufHeads.Query, GgufHeads.Key),
        ReadConfig = ReadLlama,
        WriteConfig = WriteLlama,
    };

    public static GgufArchitecture Qwen2 { get; } = new("qwen2", "qwen2")
    {
        Modules = Modules(GgufHeads.None, GgufHeads.None),
        ReadConfig = (fields, file) => ReadShared(fields, file, "qwen2", "Qwen2ForCausalLM"),
        WriteConfig = WriteShared,
    };

    public static GgufArchitecture Qwen3 { get; } = new("qwen3", "qwen3")
    {
        Modules = Modules(GgufHeads.None, GgufHeads.None),
        ReadConfig = (fields, file) => ReadShared(fields, file, "qwen3", "Qwen3ForCausalLM"),
        WriteConfig = WriteShared,
    };

    private static GgufName[] Modules(GgufHeads query, GgufHeads key) =>
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
        JsonObject config = ReadShared(fields, file, "llama", "LlamaForCausalLM");
        bool q = file.TryGet("blk.0.attn_q.bias", out _), o = file.TryGet("blk.0.attn_output.bias", out _);
        if (q != o)
        {
            throw fields.Unsupported($"a bias on {(q ? "q" : "the attention's output")} alone is not built for the architecture llama");
        }
        config["attention_bias"] = q;
        config["mlp_bias"] = file.TryGet("blk.0.ffn_gate.bias", out _);
        return config;
    }

    private static JsonObject ReadShared(GgufFields fields, GgufFile file, string modelType, string className)
    {
        const int Most = 1 << 24;
        string own = fields.Architecture;
        int Needed(string key) => fields.Integer($"{own}.{key}", 1, Most) ?? throw fields.Bad($"has no {own}.{key}.");
        int hidden = Needed("embedding_length"), heads = Needed("attention.head_count");
        int dim = fields.Integer($"{own}.attention.key_length", 1, Most) ?? hidden / heads;
        int values = fields.Integer($"{own}.attention.value_length", 1, Most) ?? dim, rotated = fields.Integer($"{own}.rope.dimension_count", 1, Most) ?? dim;
        if (values != dim || rotated != dim)
        {
            throw fields.Unsupported($"heads of {dim} elements with {values} of values and {rotated} rotated are not built for the architecture {own}");
        }
        JsonObject config = new()
        {
            ["architectures"] = new JsonArray(className),
            ["model_type"] = modelType,
            ["vocab_size"] = VocabularySize(fields, file),
            ["hidden_size"] = hidden,
            ["intermediate_size"] = Needed("feed_forward_length"),
            ["num_hidden_layers"] = Needed("block_count"),
            ["num_attention_heads"] = heads,
            ["num_key_value_heads"] = fields.Integer($"{own}.attention.head_count_kv", 1, Most) ?? heads,
            ["head_dim"] = dim,
            ["hidden_act"] = "silu",
            ["max_position_embeddings"] = fields.Integer($"{own}.context_length", 1, int.MaxValue) ?? 2048,
            ["rms_norm_eps"] = fields.Number($"{own}.attention.layer_norm_rms_epsilon") ?? throw fields.Bad($"has no {own}.attention.layer_norm_rms_epsilon."),
            ["tie_word_embeddings"] = !file.TryGet("output.weight", out _),
        };
        // What norms and biases were stored as before a file made them float32.
        if (file.TryGet("token_embd.weight", out GgufTensor? table) && table.TypeName is "F32" or "F16" or "BF16")
        {
            config["dtype"] = table!.TypeName switch { "F32" => "float32", "F16" => "float16", _ => "bfloat16" };
        }
        GgufRope.Read(fields, file, config);
        if (fields.Integer("tokenizer.ggml.bos_token_id", 0, int.MaxValue) is { } begin)
        {
            config["bos_token_id"] = begin;
        }
        // A chat model ends a turn with another token than a text.
        int[] ends = [.. new[] { "eos", "eot", "eom" }.Select(role => fields.Integer($"tokenizer.ggml.{role}_token_id", 0, int.MaxValue)).OfType<int>().Distinct()];
        config["eos_token_id"] = ends.Length switch { 0 => null, 1 => ends[0], _ => new JsonArray([.. ends.Select(id => (JsonNode)id)]) };
        return config;
    }

    private static int VocabularySize(GgufFields fields, GgufFile file) =>
        file.TryGet("token_embd.weight", out GgufTensor? table) && table.Rows is > 0 and <= int.MaxValue
            ? (int)table.Rows
            : throw fields.Bad("has no tensor token_embd.weight; expected a whole model.");

    private static void WriteLlama(ModelConfig config, GgufMetadata metadata)
    {
        if (config.Windows.Any(w => w > 0 && w < config.MaxPositions))
        {
            throw new NotSupportedException("a sliding window has no form in GGUF files of the architecture llama: other tools would attend to everything");
        }
        if (config.AttentionBias != config.OutputBias)
        {
            throw new NotSupportedException("a bias on q, k and v alone has no form in GGUF files of the architecture llama");
        }
        WriteShared(config, metadata);
    }

    private static void WriteShared(ModelConfig config, GgufMetadata metadata)
    {
        if (config.PerLayerShapes)
        {
            throw new NotSupportedException("per_layer_shapes: blocks of different widths are not built yet in GGUF files");
        }
        metadata.Own("block_count", (uint)config.Layers);
        metadata.Own("context_length", (uint)config.MaxPositions);
        metadata.Own("embedding_length", (uint)config.HiddenSize);
        metadata.Own("feed_forward_length", (uint)config.IntermediateSize);
        metadata.Own("attention.head_count", (uint)config.Heads);
        metadata.Own("attention.head_count_kv", (uint)config.KeyHeads);
        metadata.Own("attention.layer_norm_rms_epsilon", config.NormEps);
        metadata.Own("attention.key_length", (uint)config.HeadDim);
        metadata.Own("attention.value_length", (uint)config.HeadDim);
        metadata.Own("vocab_size", (uint)config.VocabularySize);
        GgufRope.Write(config, metadata);
    }
}
