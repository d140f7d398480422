namespace Lorikeet.Models;

/// <summary>Phi 3 and 4: Llama's blocks with one matrix for q, k and v and one for gate and up.</summary>
/// <remarks>Source: Abdin et al., arXiv 2404.14219; names of modules as in Transformers' modeling_phi3.</remarks>
internal static class Phi3
{
    private static readonly ConfigForm Form = new() { NormEps = "rms_norm_eps", DefaultPositions = 4096, RotaryShare = 1 };

    public static Architecture Entry { get; } = new("phi3", "Phi3ForCausalLM")
    {
        Models = "Phi 3, Phi 3.5, Phi 4, Phi 4 mini",
        About = "Llama with fused qkv_proj and gate_up_proj, longrope, window",
        Table = "model.embed_tokens",
        Form = Form,
        Read = Read,
        Build = Build,
    };

    private static ModelConfig Read(JsonFields json)
    {
        ModelConfig config = Form.Read(json);
        return config with { Windows = LayerWindows.All(json, config.Layers, absent: 0) };
    }

    private static LanguageModel Build(ModelBuilder b)
    {
        ModelConfig config = b.Config;
        int hidden = config.HiddenSize, inner = config.IntermediateSize;
        RotaryTable rotary = b.Rotary();
        return b.Decoder(Layer, name => b.RmsNorm(name));

        Block Layer(int i)
        {
            string block = $"model.layers.{i}";
            return new Block(
                i,
                b.RmsNorm(block + ".input_layernorm"),
                b.FusedAttention(block + ".self_attn.qkv_proj", block + ".self_attn.o_proj", b.Heads(), grouped: false, rotary, Plain),
                b.Output(block + ".self_attn"),
                b.RmsNorm(block + ".post_attention_layernorm"),
                new GatedFeedForward(
                    new Projection(b.Dense(block + ".mlp.gate_up_proj", 2 * inner, hidden)), new Projection(b.Dense(block + ".mlp.down_proj", hidden, inner)), config.Activation),
                b.Output(block + ".mlp"));
        }

        LinearSite Plain(string path, int outputs, int inputs) => b.Dense(path, outputs, inputs);
    }
}
