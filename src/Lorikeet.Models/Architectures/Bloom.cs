namespace Lorikeet.Models;

/// <summary>BLOOM: LayerNorm, also of the embeddings; one matrix for q, k and v of each head; scores fall with distance (ALiBi).</summary>
/// <remarks>Source: Le Scao et al., arXiv 2211.05100; ALiBi: Press et al., arXiv 2108.12409; names of modules as in Transformers' modeling_bloom.</remarks>
internal static class Bloom
{
    /// <summary>The registry's entry.</summary>
    public static Architecture Entry { get; } = new("bloom", "BloomForCausalLM")
    {
        Models = "BLOOM, BLOOMZ",
        About = "LayerNorm, also of the embeddings, ALiBi in place of positions",
        Table = "transformer.word_embeddings",
        Form = new ConfigForm
        {
            Hidden = "n_embed",
            Intermediate = null,
            IntermediateTimes = 4,
            Layers = "n_layer",
            Heads = "n_head",
            KeyHeads = null,
            Positions = "seq_length",
            NormEps = "layer_norm_epsilon",
            Activation = null,
            DefaultActivation = "gelu_pytorch_tanh",
            Tied = true,
            Rope = false,
        },
        Build = Build,
    };

    private static LanguageModel Build(ModelBuilder b)
    {
        bool normed = b.Own.Flag("apply_residual_connection_post_layernorm", false);
        float[] slopes = Alibi.Slopes(b.Config.Heads);
        EmbeddingSite table = b.Embedding("transformer.word_embeddings");
        return b.Model(new ModelParts
        {
            Embedding = table,
            EmbeddingNorm = b.LayerNorm("transformer.word_embeddings_layernorm"),
            Blocks = b.Blocks(Layer),
            FinalNorm = b.LayerNorm("transformer.ln_f"),
            Head = b.Head("lm_head", table),
        });

        Block Layer(int i)
        {
            string block = $"transformer.h.{i}", attention = block + ".self_attention", mlp = block + ".mlp";
            return new Block(
                i,
                b.LayerNorm(block + ".input_layernorm"),
                b.FusedAttention(attention + ".query_key_value", attention + ".dense", b.Heads(), grouped: true, null, b.Biased, slopes),
                b.Output(attention),
                b.LayerNorm(block + ".post_attention_layernorm"),
                b.FeedForward(mlp + ".dense_h_to_4h", mlp + ".dense_4h_to_h", b.Biased),
                b.Output(mlp))
            {
                Form = normed ? BlockForm.NormedResidual : BlockForm.Sequential,
            };
        }
    }
}
