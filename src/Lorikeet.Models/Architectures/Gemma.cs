namespace Lorikeet.Models;

/// <summary>Gemma: Llama's blocks with Gelu gates, scaled embeddings and norms whose scales are stored as their distance from 1.</summary>
/// <remarks>Source: Gemma team, arXiv 2403.08295; names of modules as in Transformers' modeling_gemma.</remarks>
internal static class Gemma
{
    /// <summary>What config.json of all Gemmas has in common.</summary>
    public static ConfigForm Form { get; } = new()
    {
        HeadDim = "head_dim",
        DefaultHeadDim = 256,
        DefaultKeyHeads = 16,
        DefaultPositions = 8192,
        NormEps = "rms_norm_eps",
        DefaultNormEps = 1e-6,
        Activation = "hidden_activation",
        DefaultActivation = "gelu_pytorch_tanh",
        AttentionBias = "attention_bias",
        Tied = true,
    };

    public static Architecture Entry { get; } = new("gemma", "GemmaForCausalLM")
    {
        Models = "Gemma 1, CodeGemma",
        About = "Llama with Gelu gates, scaled embeddings, norms by 1 + scale",
        Table = "model.embed_tokens",
        Form = Form,
        Read = Read,
        Build = Build,
    };

    private static ModelConfig Read(JsonFields json)
    {
        ModelConfig config = Form.Read(json);
        // The first files say hidden_act gelu and mean its tanh form; hidden_activation came to say so.
        return json.Has("hidden_activation") || json.Text("hidden_act", "gelu") == "gelu"
            ? config
            : config with { Activation = ActivationNames.Read(json, "hidden_act", Form.DefaultActivation) };
    }

    /// <summary>What embeddings are multiplied by: sqrt(hidden).</summary>
    /// <param name="config">The configuration.</param>
    public static float Scale(ModelConfig config) => (float)Math.Sqrt(config.HiddenSize);

    private static LanguageModel Build(ModelBuilder b)
    {
        RotaryTable rotary = b.Rotary();
        return b.Decoder(Layer, name => b.RmsNorm(name, offset: 1f), parts => parts with { LookupScale = Scale(b.Config) });

        Block Layer(int i)
        {
            string block = $"model.layers.{i}";
            return new Block(
                i,
                b.RmsNorm(block + ".input_layernorm", offset: 1f),
                b.Attention(block + ".self_attn", rotary),
                b.Output(block + ".self_attn"),
                b.RmsNorm(block + ".post_attention_layernorm", offset: 1f),
                b.Gated(block + ".mlp"),
                b.Output(block + ".mlp"));
        }
    }
}
