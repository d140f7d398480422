namespace Lorikeet.Models;

/// <summary>Command R: parallel branches of one LayerNorm without a shift, neighbours rotated as pairs, scaled logits.</summary>
/// <remarks>Source: Cohere, the Command R releases, 2024; names of modules as in Transformers' modeling_cohere.</remarks>
internal static class Cohere
{
    private static readonly ConfigForm Form = new() { DefaultPositions = 8192, Theta = 500_000, Tied = true, AttentionBias = "attention_bias" };

    public static Architecture Entry { get; } = new("cohere", "CohereForCausalLM")
    {
        Models = "Command R, Command R+, Aya 23",
        About = "parallel branches, LayerNorm without a shift, interleaved rotary positions, scaled logits",
        Table = "model.embed_tokens",
        Form = Form,
        Build = Build,
    };

    private static LanguageModel Build(ModelBuilder b)
    {
        ModelConfig config = b.Config;
        bool norms = b.Own.Flag("use_qk_norm", false);
        RotaryTable rotary = b.Rotary(interleaved: true);
        return b.Decoder(Layer, name => b.LayerNorm(name, bias: false), parts => parts with { LogitScale = (float)b.Own.Number("logit_scale", -1e9, 1e9, 0.0625) });

        Block Layer(int i)
        {
            string block = $"model.layers.{i}";
            return new Block(
                i,
                b.LayerNorm(block + ".input_layernorm", bias: false),
                b.Attention(block + ".self_attn", rotary, norms: norms ? Norms : null),
                b.Output(block + ".self_attn"),
                null,
                b.Gated(block + ".mlp"),
                b.Output(block + ".mlp"))
            {
                Form = BlockForm.Parallel,
            };
        }

        (INorm, INorm) Norms(string attention) => (b.HeadNorm(attention + ".q_norm", config.Heads), b.HeadNorm(attention + ".k_norm", config.KeyHeads));
    }
}
