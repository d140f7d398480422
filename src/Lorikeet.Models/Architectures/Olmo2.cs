namespace Lorikeet.Models;

/// <summary>OLMo 2: Llama's parts with norms after the branches, and norms over all of q and all of k.</summary>
/// <remarks>Source: OLMo team, arXiv 2501.00656; names of modules as in Transformers' modeling_olmo2.</remarks>
internal static class Olmo2
{
    private static readonly ConfigForm Form = new() { NormEps = "rms_norm_eps", AttentionBias = "attention_bias" };

    public static Architecture Entry { get; } = new("olmo2", "Olmo2ForCausalLM")
    {
        Models = "OLMo 2",
        About = "norms after the branches, norms over all of q and of k",
        Table = "model.embed_tokens",
        Form = Form,
        Build = Build,
    };

    private static LanguageModel Build(ModelBuilder b)
    {
        ModelConfig config = b.Config;
        RotaryTable rotary = b.Rotary();
        return b.Decoder(Layer, name => b.RmsNorm(name));

        Block Layer(int i)
        {
            string block = $"model.layers.{i}", attention = block + ".self_attn", mlp = block + ".mlp";
            AttentionMixer mixer = b.Attention(attention, rotary, norms: Norms);
            OutputSite mixed = b.Output(attention);
            NormSite after = b.RmsNorm(block + ".post_attention_layernorm");
            GatedFeedForward feed = b.Gated(mlp);
            return new Block(i, null, mixer, mixed, null, feed, b.Output(mlp))
            {
                MixerAnswerNorm = after,
                FeedForwardAnswerNorm = b.RmsNorm(block + ".post_feedforward_layernorm"),
            };
        }

        (INorm, INorm) Norms(string attention) =>
            (b.RmsNorm(attention + ".q_norm", config.Heads * config.HeadDim), b.RmsNorm(attention + ".k_norm", config.KeyHeads * config.HeadDim));
    }
}
