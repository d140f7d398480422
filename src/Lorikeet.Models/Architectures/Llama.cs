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
    public static ConfigForm Form { get; } = new() { HeadDim = "head_dim", NormEps = "rms_norm_eps", DefaultNormEps = 1e-6 };

    /// <summary>The registry's entry.</summary>
    public static Architecture Entry { get; } = new("llama", "LlamaForCausalLM")
    {
        Models = "Llama 1 to 3.3, SmolLM, SmolLM 2, TinyLlama, Yi, DeepSeek LLM",
        About = "RMSNorm, rotary positions, grouped key heads, gated feed-forward",
        Table = "model.embed_tokens",
        Form = Form,
        Read = Read,
        Build = Build,
    };

    private static ModelConfig Read(JsonFields json)
    {
        bool bias = json.Flag("attention_bias", false);
        return Form.Read(json) with { AttentionBias = bias, OutputBias = bias, MlpBias = json.Flag("mlp_bias", false) };
    }

    /// <summary>Builds a model of the family.</summary>
    /// <param name="b">The builder.</param>
    public static LanguageModel Build(ModelBuilder b)
    {
        ModelConfig config = b.Config;
        int hidden = config.HiddenSize;
        RotaryTable rotary = b.Rotary();
        EmbeddingSite table = b.Embedding("model.embed_tokens");
        return b.Model(new ModelParts
        {
            Embedding = table,
            Blocks = b.Blocks(Layer),
            FinalNorm = b.RmsNorm("model.norm"),
            Head = b.Head("lm_head", table),
        });

        Block Layer(int i)
        {
            string block = $"model.layers.{i}";
            string attention = block + ".self_attn", mlp = block + ".mlp";
            LayerShape shape = LayerShape.Of(config, b.Source, b.Stored(attention), b.Stored(mlp));
            NormSite mixerNorm = b.RmsNorm(block + ".input_layernorm");
            NormSite? qNorm = config.QueryKeyNorm ? b.RmsNorm(attention + ".q_norm", config.HeadDim) : null;
            NormSite? kNorm = config.QueryKeyNorm ? b.RmsNorm(attention + ".k_norm", config.HeadDim) : null;
            AttentionMixer mixer = b.Attention(
                attention, "o_proj", b.Heads(shape: shape), config.HasRope(i) ? rotary : null, config.AttentionBias, config.OutputBias, qNorm, kNorm);
            OutputSite mixerOutput = b.Output(attention);
            NormSite feedNorm = b.RmsNorm(block + ".post_attention_layernorm");
            LinearSite gate = b.Dense(mlp + ".gate_proj", shape.Intermediate, hidden, config.MlpBias);
            LinearSite up = b.Dense(mlp + ".up_proj", shape.Intermediate, hidden, config.MlpBias);
            LinearSite down = b.Dense(mlp + ".down_proj", hidden, shape.Intermediate, config.MlpBias);
            GatedFeedForward feedForward = new(new Projection(gate, up), new Projection(down), config.Activation);
            return new Block(i, mixerNorm, mixer, mixerOutput, feedNorm, feedForward, b.Output(mlp));
        }
    }
}
