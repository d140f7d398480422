using Lorikeet.Models.Files;

namespace Lorikeet.Models;

/// <summary>Qwen 2 and Qwen 3 with experts in some or all blocks; 2 has one more expert for every token.</summary>
/// <remarks>Source: Yang et al., arXiv 2407.10671; Qwen team, arXiv 2505.09388.</remarks>
internal static class QwenMoe
{
    private static readonly ConfigForm Form2 = Llama.Form with { DefaultKeyHeads = 16, DefaultPositions = 32_768, AttentionBias = null, MlpBias = null };
    private static readonly ConfigForm Form3 = Form2 with { DefaultKeyHeads = 4, AttentionBias = "attention_bias" };

    public static Architecture Entry2 { get; } = new("qwen2_moe", "Qwen2MoeForCausalLM")
    {
        Models = "Qwen 1.5 MoE, Qwen 2 57B-A14B",
        About = "Qwen 2 with experts and one for every token",
        Table = "model.embed_tokens",
        Form = Form2,
        Read = json => Checked(json, Form2.Read(json) with { AttentionBias = json.Flag("qkv_bias", true) }, third: false),
        Build = b => Build(b, third: false),
    };

    public static Architecture Entry3 { get; } = new("qwen3_moe", "Qwen3MoeForCausalLM")
    {
        Models = "Qwen 3 30B-A3B, 235B-A22B",
        About = "Qwen 3 with experts",
        Table = "model.embed_tokens",
        Form = Form3,
        Read = json => Checked(json, Form3.Read(json) with { QueryKeyNorm = true }, third: true),
        Build = b => Build(b, third: true),
    };

    private static ModelConfig Checked(JsonFields json, ModelConfig config, bool third)
    {
        Experts(json, third);
        Dense(json, config.Layers);
        return config with { Windows = Qwen.Windows(json, config.Layers) };
    }

    private static ExpertSettings Experts(JsonFields json, bool third) => ExpertSettings.Read(
        json,
        ["num_experts", "num_local_experts"],
        count: third ? 128 : 60,
        perToken: third ? 8 : 4,
        json.Integer("moe_intermediate_size", 1, 1 << 24, third ? 768 : 1408),
        json.Flag("norm_topk_prob", false));

    /// <summary>The blocks without experts.</summary>
    private static bool[] Dense(JsonFields json, int layers)
    {
        int step = json.Integer("decoder_sparse_step", 1, int.MaxValue, 1);
        bool[] dense = new bool[layers];
        for (int layer = 0; layer < layers; layer++)
        {
            dense[layer] = (layer + 1) % step != 0;
        }
        foreach (int layer in json.Integers("mlp_only_layers", 0, int.MaxValue))
        {
            if (layer >= layers)
            {
                throw new BadFileException($"{json.Path}: mlp_only_layers names block {layer}; expected blocks 0 to {layers - 1}.");
            }
            dense[layer] = true;
        }
        return dense;
    }

    private static LanguageModel Build(ModelBuilder b, bool third)
    {
        ExpertSettings experts = Experts(b.Own, third);
        bool[] dense = Dense(b.Own, b.Config.Layers);
        int forAll = third ? 0 : b.Own.Integer("shared_expert_intermediate_size", 1, 1 << 24, 5632);
        return Llama.Build(b, (layer, mlp) => dense[layer]
            ? b.Gated(mlp)
            : experts.Build(
                b,
                mlp + ".gate",
                e => b.Gated($"{mlp}.experts.{e}", experts.Width),
                third ? null : () => (b.Gated(mlp + ".shared_expert", forAll), new Projection(b.Dense(mlp + ".shared_expert_gate", 1, b.Config.HiddenSize)))));
    }
}
