namespace Lorikeet.Models;

/// <summary>Phi 1, 1.5 and 2: one LayerNorm a block, whose result attention and feed-forward both read; part of each head is rotated.</summary>
/// <remarks>Source: Li et al., arXiv 2309.05463; names of modules as in Transformers' modeling_phi.</remarks>
internal static class Phi
{
    /// <summary>The registry's entry.</summary>
    public static Architecture Entry { get; } = new("phi", "PhiForCausalLM")
    {
        Models = "Phi-1, Phi-1.5, Phi-2",
        About = "one LayerNorm for parallel branches, half of each head rotated, biases everywhere",
        Table = "model.embed_tokens",
        Form = new ConfigForm { DefaultActivation = "gelu_new", RotaryShare = 0.5 },
        Build = Build,
    };

    private static LanguageModel Build(ModelBuilder b)
    {
        bool norms = b.Own.Flag("qk_layernorm", false);
        RotaryTable rotary = b.Rotary();
        EmbeddingSite table = b.Embedding("model.embed_tokens");
        return b.Model(new ModelParts
        {
            Embedding = table,
            Blocks = b.Blocks(Layer),
            FinalNorm = b.LayerNorm("model.final_layernorm"),
            Head = b.Head("lm_head", table, bias: true),
        });

        Block Layer(int i)
        {
            string block = $"model.layers.{i}", attention = block + ".self_attn";
            return new Block(
                i,
                b.LayerNorm(block + ".input_layernorm"),
                b.Attention(attention, rotary, norms: norms ? Norms : null, output: "dense", bias: true),
                b.Output(attention),
                null,
                b.FeedForward(block + ".mlp.fc1", block + ".mlp.fc2", b.Biased),
                b.Output(block + ".mlp"))
            {
                Form = BlockForm.Parallel,
            };
        }

        (INorm, INorm) Norms(string attention) =>
            (b.LayerNorm(attention + ".q_layernorm", b.Config.HeadDim), b.LayerNorm(attention + ".k_layernorm", b.Config.HeadDim));
    }
}
