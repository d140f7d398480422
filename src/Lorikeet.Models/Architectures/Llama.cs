using Lorikeet.Tensors;

namespace Lorikeet.Models;

/// <summary>The Llama family: RMSNorm, rotary positions, grouped key heads, gated feed-forward.</summary>
/// <remarks>
/// Mistral adds a sliding window, Qwen 2 biases on q, k and v, Qwen 3 norms on q and k, SmolLM 3 layers without positions: all said by
/// <see cref="ModelConfig"/>. Source: Touvron et al., arXiv 2302.13971 and 2307.09288; names of modules as in Transformers' modeling_llama.
/// </remarks>
internal static class Llama
{
    /// <summary>What the family's config.json looks like.</summary>
    public static ConfigForm Form { get; } = new() { HeadDim = "head_dim", NormEps = "rms_norm_eps", DefaultNormEps = 1e-6, AttentionBias = "attention_bias", MlpBias = "mlp_bias" };

    /// <summary>The registry's entry.</summary>
    public static Architecture Entry { get; } = new("llama", "LlamaForCausalLM")
    {
        Models = "Llama 1 to 3.3, SmolLM, SmolLM 2, TinyLlama, Yi, DeepSeek LLM",
        About = "RMSNorm, rotary positions, grouped key heads, gated feed-forward",
        Table = "model.embed_tokens",
        Form = Form,
        Build = b => Build(b),
    };

    /// <summary>Builds a model of the family.</summary>
    /// <param name="b">The builder.</param>
    /// <param name="feedForward">Makes a block's feed-forward from its number and its module's path; null: a gated one.</param>
    public static LanguageModel Build(ModelBuilder b, Func<int, string, IFeedForward>? feedForward = null)
    {
        ModelConfig config = b.Config;
        RotaryTable rotary = b.Rotary();
        return b.Decoder(Layer, name => b.RmsNorm(name));

        Block Layer(int i)
        {
            string block = $"model.layers.{i}";
            string attention = block + ".self_attn", mlp = block + ".mlp";
            LayerShape shape = LayerShape.Of(config, b.Source, b.Stored(attention), b.Stored(mlp));
            return new Block(
                i,
                b.RmsNorm(block + ".input_layernorm"),
                b.Attention(attention, config.HasRope(i) ? rotary : null, b.Heads(shape: shape), config.QueryKeyNorm ? Norms : null),
                b.Output(attention),
                b.RmsNorm(block + ".post_attention_layernorm"),
                feedForward?.Invoke(i, mlp) ?? b.Gated(mlp, shape.Intermediate),
                b.Output(mlp));
        }

        (INorm, INorm) Norms(string attention) => (b.RmsNorm(attention + ".q_norm", config.HeadDim), b.RmsNorm(attention + ".k_norm", config.HeadDim));
    }
}
