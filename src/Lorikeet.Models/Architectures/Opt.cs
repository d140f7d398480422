namespace Lorikeet.Models;

/// <summary>OPT: LayerNorm, learned positions, ReLU; the 350M model norms after each sum and has a narrower token table.</summary>
/// <remarks>Source: Zhang et al., arXiv 2205.01068; names of modules as in Transformers' modeling_opt.</remarks>
internal static class Opt
{
    // The first two rows of the table stood for padding in the models' first home, fairseq.
    private const int PositionOffset = 2;

    private static readonly ConfigForm Form = new()
    {
        Intermediate = "ffn_dim",
        KeyHeads = null,
        NormEps = null,
        Activation = "activation_function",
        DefaultActivation = "relu",
        Tied = true,
        Rope = false,
    };

    /// <summary>The registry's entry.</summary>
    public static Architecture Entry { get; } = new("opt", "OPTForCausalLM")
    {
        Models = "OPT 125M to 66B, OPT-IML",
        About = "LayerNorm, learned positions, ReLU; norms before or after",
        Table = "model.decoder.embed_tokens",
        Form = Form,
        Build = Build,
    };

    private static LanguageModel Build(ModelBuilder b)
    {
        if (!b.Own.Flag("layer_norm_elementwise_affine", true))
        {
            throw new NotSupportedException($"{b.Own.Path}: layer_norm_elementwise_affine false is not built: this version has norms with weights");
        }
        int hidden = b.Config.HiddenSize, width = b.Own.Integer("word_embed_proj_dim", 1, 1 << 20, hidden);
        bool bias = b.Own.Flag("enable_bias", true), before = b.Own.Flag("do_layer_norm_before", true);
        EmbeddingSite table = b.Embedding("model.decoder.embed_tokens", width);
        return b.Model(new ModelParts
        {
            Embedding = table,
            Positions = b.Table("model.decoder.embed_positions", b.Config.MaxPositions + PositionOffset, hidden),
            PositionOffset = PositionOffset,
            ProjectIn = width == hidden ? null : new Projection(b.Dense("model.decoder.project_in", hidden, width)),
            Blocks = b.Blocks(Layer),
            FinalNorm = before && !b.Own.Flag("_remove_final_layer_norm", false) ? b.LayerNorm("model.decoder.final_layer_norm") : null,
            ProjectOut = width == hidden ? null : new Projection(b.Dense("model.decoder.project_out", width, hidden)),
            Head = b.Head("lm_head", table),
        });

        Block Layer(int i)
        {
            string block = $"model.decoder.layers.{i}";
            return new Block(
                i,
                b.LayerNorm(block + ".self_attn_layer_norm"),
                b.Attention(block + ".self_attn", null, output: "out_proj", bias: bias),
                b.Output(block + ".self_attn"),
                b.LayerNorm(block + ".final_layer_norm"),
                b.FeedForward(block + ".fc1", block + ".fc2", (name, outputs, inputs) => b.Dense(name, outputs, inputs, bias)),
                // In Transformers the feed-forward is no module of its own; the place has this name here.
                b.Output(block + ".mlp"))
            {
                Form = before ? BlockForm.Sequential : BlockForm.NormAfterSum,
            };
        }
    }
}
