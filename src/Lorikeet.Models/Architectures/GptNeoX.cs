namespace Lorikeet.Models;

/// <summary>GPT-NeoX: parallel branches with a LayerNorm each, one matrix for q, k and v of each head, part of each head rotated.</summary>
/// <remarks>Source: Black et al., arXiv 2204.06745; Biderman et al., arXiv 2304.01373; names of modules as in Transformers' modeling_gpt_neox.</remarks>
internal static class GptNeoX
{
    /// <summary>The registry's entry.</summary>
    public static Architecture Entry { get; } = new("gpt_neox", "GPTNeoXForCausalLM")
    {
        Models = "Pythia, GPT-NeoX 20B, Dolly 2, RedPajama-INCITE",
        About = "two LayerNorms for parallel branches, part of each head rotated",
        Table = "gpt_neox.embed_in",
        Form = new ConfigForm
        {
            KeyHeads = null,
            DefaultActivation = "gelu",
            ThetaKey = "rotary_emb_base",
            RotaryShare = 0.25,
            RotaryShareKey = "rotary_pct",
        },
        Build = Build,
    };

    private static LanguageModel Build(ModelBuilder b)
    {
        bool bias = b.Own.Flag("attention_bias", true), parallel = b.Own.Flag("use_parallel_residual", true);
        RotaryTable rotary = b.Rotary();
        EmbeddingSite table = b.Embedding("gpt_neox.embed_in");
        return b.Model(new ModelParts
        {
            Embedding = table,
            Blocks = b.Blocks(Layer),
            FinalNorm = b.LayerNorm("gpt_neox.final_layer_norm"),
            Head = b.Head("embed_out", table),
        });

        Block Layer(int i)
        {
            string block = $"gpt_neox.layers.{i}", attention = block + ".attention", mlp = block + ".mlp";
            return new Block(
                i,
                b.LayerNorm(block + ".input_layernorm"),
                b.FusedAttention(
                    attention + ".query_key_value", attention + ".dense", b.Heads(), grouped: true, rotary, (name, outputs, inputs) => b.Dense(name, outputs, inputs, bias)),
                b.Output(attention),
                b.LayerNorm(block + ".post_attention_layernorm"),
                b.FeedForward(mlp + ".dense_h_to_4h", mlp + ".dense_4h_to_h", b.Biased),
                b.Output(mlp))
            {
                Form = parallel ? BlockForm.Parallel : BlockForm.Sequential,
            };
        }
    }
}
