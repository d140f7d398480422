using System.Text.Json.Nodes;
using Lorikeet.Kernels;
using Lorikeet.Tensors;

namespace Lorikeet.Models.Tests.Architectures;

/// <summary>One tiny model of each shape that an architecture has; every model_type of the registry is among them.</summary>
internal static class TinyArchitectures
{
    private static readonly ModelConfig Plain = TinyModel.Config with { KeyHeads = 6, IntermediateSize = 192, Activation = ActivationKind.GeluTanh, MaxPositions = 256 };

    public static IReadOnlyDictionary<string, ModelConfig> All { get; } = new Dictionary<string, ModelConfig>
    {
        ["llama"] = TinyModel.Config,
        ["llama gelu"] = TinyModel.Config with { Activation = ActivationKind.QuickGelu },
        ["mistral"] = TinyModel.Config with { ModelType = "mistral", Windows = [7, 7, 7] },
        ["qwen2"] = TinyModel.Config with { ModelType = "qwen2", AttentionBias = true },
        ["qwen3"] = TinyModel.Qwen,
        ["smollm3"] = TinyModel.Config with { ModelType = "smollm3", RopeLayers = [true, false, true] },
        ["gpt2"] = Plain with { ModelType = "gpt2", Source = Json("""{"scale_attn_by_inverse_layer_idx": true}""") },
        ["gpt_bigcode"] = Plain with { ModelType = "gpt_bigcode", KeyHeads = 1 },
        ["gpt_bigcode, all heads"] = Plain with { ModelType = "gpt_bigcode", Source = Json("""{"multi_query": false}""") },
        ["gptj"] = Plain with { ModelType = "gptj", RotaryDim = 4, TieEmbeddings = false, Source = Json("""{"rotary_dim": 4}""") },
        ["gpt_neox"] = Plain with { ModelType = "gpt_neox", RotaryDim = 2, Activation = ActivationKind.Gelu, TieEmbeddings = false },
        ["gpt_neox, sequential"] = Plain with { ModelType = "gpt_neox", Source = Json("""{"use_parallel_residual": false, "attention_bias": false}""") },
        ["opt"] = Plain with { ModelType = "opt", NormEps = 1e-5f, Activation = ActivationKind.Relu },
        ["opt, norms after"] = Plain with { ModelType = "opt", Source = Json("""{"do_layer_norm_before": false, "word_embed_proj_dim": 20}""") },
        ["bloom"] = Plain with { ModelType = "bloom" },
        ["bloom, normed residual"] = Plain with { ModelType = "bloom", Source = Json("""{"apply_residual_connection_post_layernorm": true}""") },
        ["falcon"] = Plain with { ModelType = "falcon", KeyHeads = 1 },
        ["falcon, two norms"] = Plain with
        {
            ModelType = "falcon",
            KeyHeads = 2,
            Source = Json("""{"new_decoder_architecture": true, "num_kv_heads": 2}"""),
        },
        ["falcon, slopes"] = Plain with
        {
            ModelType = "falcon",
            Source = Json("""{"alibi": true, "multi_query": false, "parallel_attn": false, "bias": true}"""),
        },
        ["phi"] = Plain with { ModelType = "phi", KeyHeads = 2, RotaryDim = 4, TieEmbeddings = false, Source = Json("""{"qk_layernorm": true}""") },
        ["starcoder2"] = Plain with { ModelType = "starcoder2", KeyHeads = 3, Windows = [12, 12, 12] },
        ["phi3"] = TinyModel.Config with { ModelType = "phi3", Windows = [9, 9, 9] },
        ["phi3, longrope"] = TinyModel.Config with { ModelType = "phi3", TieEmbeddings = false, Rope = LongRope(original: 128) },
        ["gemma"] = Plain with { ModelType = "gemma", KeyHeads = 2 },
        ["gemma2"] = Plain with { ModelType = "gemma2", KeyHeads = 2, Windows = [7, 0, 7], Source = Json("""{"attn_logit_softcapping": 2.0, "final_logit_softcapping": 3.0}""") },
        ["gemma3_text"] = Plain with
        {
            ModelType = "gemma3_text",
            KeyHeads = 2,
            QueryKeyNorm = true,
            Windows = [5, 5, 0],
            Source = Json("""{"query_pre_attn_scalar": 9}"""),
        },
        ["olmo2"] = TinyModel.Config with { ModelType = "olmo2" },
        ["granite"] = TinyModel.Config with
        {
            ModelType = "granite",
            MlpBias = true,
            Source = Json("""{"embedding_multiplier": 3, "residual_multiplier": 0.4, "attention_multiplier": 0.2, "logits_scaling": 2}"""),
        },
        ["stablelm"] = TinyModel.Config with { ModelType = "stablelm", RotaryDim = 2, AttentionBias = true, Source = Json("""{"use_qkv_bias": true}""") },
        ["stablelm, parallel"] = TinyModel.Config with
        {
            ModelType = "stablelm",
            RotaryDim = 4,
            Source = Json("""{"use_parallel_residual": true, "qk_layernorm": true, "partial_rotary_factor": 0.5}"""),
        },
        ["cohere"] = TinyModel.Config with { ModelType = "cohere" },
        ["cohere, norms"] = TinyModel.Config with { ModelType = "cohere", AttentionBias = true, OutputBias = true, Source = Json("""{"use_qk_norm": true}""") },
        ["mixtral"] = TinyModel.Config with
        {
            ModelType = "mixtral",
            IntermediateSize = 40,
            TieEmbeddings = false,
            Source = Json("""{"num_local_experts": 5, "num_experts_per_tok": 2}"""),
        },
        ["qwen2_moe"] = TinyModel.Config with
        {
            ModelType = "qwen2_moe",
            AttentionBias = true,
            Windows = [0, 6, 6],
            Source = Json("""{"num_experts": 4, "num_experts_per_tok": 3, "moe_intermediate_size": 24, "shared_expert_intermediate_size": 32, "mlp_only_layers": [1]}"""),
        },
        ["qwen3_moe"] = TinyModel.Config with
        {
            ModelType = "qwen3_moe",
            QueryKeyNorm = true,
            TieEmbeddings = false,
            Source = Json("""{"num_local_experts": 6, "num_experts_per_tok": 2, "moe_intermediate_size": 24, "norm_topk_prob": true, "decoder_sparse_step": 2}"""),
        },
    };

    public static TheoryData<string> Names => [.. All.Keys];

    /// <summary>The model of a row, with weights of deviation 0.2 and no scale or shift left at one or zero.</summary>
    public static LanguageModel Create(string name) => ModelLoader.Build(All[name], new Source());

    /// <summary>longrope with four pairs of rotated elements.</summary>
    /// <param name="original">The trained length.</param>
    public static RopeSettings LongRope(int original) => new()
    {
        Kind = RopeKind.LongRope,
        Factor = 4,
        OriginalPositions = original,
        AttentionFactor = 1.2,
        ShortFactors = [1, 1.1, 1.2, 1.3],
        LongFactors = [1.5, 3.5, 6, 8],
    };

    private static JsonObject Json(string text) => JsonNode.Parse(text)!.AsObject();

    private sealed class Source : ITensorSource
    {
        private readonly RandomSource inner = new(new CounterRandom(7), deviation: 0.2f);

        public bool Differ(string name, string other) => false;

        public int Rows(string name, int configured) => configured;

        public Weight Matrix(string name, int outputs, int inputs) => inner.Matrix(name, outputs, inputs);

        public Parameter Vector(string name, int length)
        {
            Parameter vector = inner.Vector(name, length);
            float[] noise = new float[length];
            new CounterRandom(8).Named(name).FillNormal(noise, 0.1f);
            for (int i = 0; i < length; i++)
            {
                vector.Value.Span[i] += noise[i];
            }
            return vector;
        }
    }
}
