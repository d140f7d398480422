namespace Lorikeet.Models;

/// <summary>GPT-2: LayerNorm, learned positions, one matrix for q, k and v; matrices are stored as [inputs, outputs].</summary>
/// <remarks>Source: Radford et al., Language Models are Unsupervised Multitask Learners, 2019; names of modules as in Transformers' modeling_gpt2.</remarks>
internal static class Gpt2
{
    /// <summary>What config.json of GPT-2 and its kin looks like.</summary>
    public static ConfigForm Form { get; } = new()
    {
        Hidden = "n_embd",
        Intermediate = "n_inner",
        IntermediateTimes = 4,
        Layers = "n_layer",
        Heads = "n_head",
        KeyHeads = null,
        Positions = "n_positions",
        DefaultPositions = 1024,
        NormEps = "layer_norm_epsilon",
        Activation = "activation_function",
        DefaultActivation = "gelu_new",
        Tied = true,
        Rope = false,
    };

    /// <summary>The registry's entry.</summary>
    public static Architecture Entry { get; } = new("gpt2", "GPT2LMHeadModel")
    {
        Models = "GPT-2, DistilGPT-2, DialoGPT, Cerebras-GPT",
        About = "LayerNorm, learned positions, one matrix [inputs, outputs] for q, k and v",
        Table = "transformer.wte",
        Form = Form,
        Build = b =>
        {
            bool byLayer = b.Own.Flag("scale_attn_by_inverse_layer_idx", false);
            return Build(b, b.Conv1D, grouped: false, layer => Scale(b) / (byLayer ? layer + 1 : 1));
        },
    };

    /// <summary>The factor of scores.</summary>
    /// <param name="b">The builder.</param>
    public static float Scale(ModelBuilder b) => b.Own.Flag("scale_attn_weights", true) ? 1f / MathF.Sqrt(b.Config.HeadDim) : 1f;

    /// <summary>Builds a model of GPT-2's modules.</summary>
    /// <param name="b">The builder.</param>
    /// <param name="dense">Makes a layer: path, outputs, inputs.</param>
    /// <param name="grouped">How the fused matrix holds q, k and v.</param>
    /// <param name="scale">The factor of scores in a block.</param>
    public static LanguageModel Build(ModelBuilder b, Func<string, int, int, LinearSite> dense, bool grouped, Func<int, float> scale)
    {
        if (b.Own.Flag("add_cross_attention", false))
        {
            throw new NotSupportedException($"{b.Own.Path}: add_cross_attention is not built: this version loads decoders alone");
        }
        EmbeddingSite table = b.Embedding("transformer.wte");
        return b.Model(new ModelParts
        {
            Embedding = table,
            Positions = b.Table("transformer.wpe", b.Config.MaxPositions, b.Config.HiddenSize),
            Blocks = b.Blocks(Layer),
            FinalNorm = b.LayerNorm("transformer.ln_f"),
            Head = b.Head("lm_head", table),
        });

        Block Layer(int i)
        {
            string block = $"transformer.h.{i}";
            return new Block(
                i,
                b.LayerNorm(block + ".ln_1"),
                b.FusedAttention(block + ".attn.c_attn", block + ".attn.c_proj", b.Heads(scale(i)), grouped, null, dense),
                b.Output(block + ".attn"),
                b.LayerNorm(block + ".ln_2"),
                b.FeedForward(block + ".mlp.c_fc", block + ".mlp.c_proj", dense),
                b.Output(block + ".mlp"));
        }
    }
}
