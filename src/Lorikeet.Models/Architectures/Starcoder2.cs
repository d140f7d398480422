namespace Lorikeet.Models;

/// <summary>StarCoder 2: LayerNorm, rotary positions, grouped key heads, an ungated feed-forward, biases everywhere, usually a window.</summary>
/// <remarks>Source: Lozhkov et al., arXiv 2402.19173; names of modules as in Transformers' modeling_starcoder2.</remarks>
internal static class Starcoder2
{
    private static readonly ConfigForm Form = new()
    {
        DefaultKeyHeads = 2,
        DefaultPositions = 4096,
        NormEps = "norm_epsilon",
        DefaultActivation = "gelu_pytorch_tanh",
        Tied = true,
    };

    /// <summary>The registry's entry.</summary>
    public static Architecture Entry { get; } = new("starcoder2", "Starcoder2ForCausalLM")
    {
        Models = "StarCoder 2 3B, 7B, 15B",
        About = "LayerNorm, rotary positions, grouped key heads, sliding window, ungated feed-forward",
        Table = "model.embed_tokens",
        Form = Form,
        Read = json =>
        {
            ModelConfig config = Form.Read(json);
            return config with { Windows = LayerWindows.All(json, config.Layers, absent: 0) };
        },
        Build = Build,
    };

    private static LanguageModel Build(ModelBuilder b)
    {
        bool bias = b.Own.Flag("use_bias", true);
        RotaryTable rotary = b.Rotary();
        return b.Decoder(Layer, name => b.LayerNorm(name));

        Block Layer(int i)
        {
            string block = $"model.layers.{i}";
            return new Block(
                i,
                b.LayerNorm(block + ".input_layernorm"),
                b.Attention(block + ".self_attn", rotary, bias: bias),
                b.Output(block + ".self_attn"),
                b.LayerNorm(block + ".post_attention_layernorm"),
                b.FeedForward(block + ".mlp.c_fc", block + ".mlp.c_proj", (name, outputs, inputs) => b.Dense(name, outputs, inputs, bias)),
                b.Output(block + ".mlp"));
        }
    }
}
