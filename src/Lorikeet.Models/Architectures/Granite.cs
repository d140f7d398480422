namespace Lorikeet.Models;

/// <summary>Granite: Llama's blocks with multipliers on embeddings, branches, scores and logits.</summary>
/// <remarks>Source: IBM Research, Granite 3.0 Language Models, 2024; names of modules as in Transformers' modeling_granite.</remarks>
internal static class Granite
{
    private static readonly ConfigForm Form = new() { NormEps = "rms_norm_eps", DefaultNormEps = 1e-6, AttentionBias = "attention_bias", MlpBias = "mlp_bias" };

    public static Architecture Entry { get; } = new("granite", "GraniteForCausalLM")
    {
        Models = "Granite 3 (dense)",
        About = "Llama with multipliers on embeddings, branches, scores and logits",
        Table = "model.embed_tokens",
        Form = Form,
        Build = Build,
    };

    private static LanguageModel Build(ModelBuilder b)
    {
        RotaryTable rotary = b.Rotary();
        float scale = Factor("attention_multiplier"), branches = Factor("residual_multiplier");
        return b.Decoder(
            Layer,
            name => b.RmsNorm(name),
            parts => parts with { EmbeddingScale = Factor("embedding_multiplier"), LogitScale = 1f / Factor("logits_scaling") });

        Block Layer(int i)
        {
            string block = $"model.layers.{i}";
            return new Block(
                i,
                b.RmsNorm(block + ".input_layernorm"),
                b.Attention(block + ".self_attn", rotary, b.Heads(scale)),
                b.Output(block + ".self_attn"),
                b.RmsNorm(block + ".post_attention_layernorm"),
                b.Gated(block + ".mlp"),
                b.Output(block + ".mlp"))
            {
                BranchScale = branches,
            };
        }

        float Factor(string key) => (float)b.Own.Number(key, 1e-9, 1e9, 1);
    }
}
