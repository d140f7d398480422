using Lorikeet.Kernels;
using Lorikeet.Tensors;

namespace Lorikeet.Models;

/// <summary>The Llama family: RMSNorm, rotary positions, grouped key heads, gated feed-forward.</summary>
/// <remarks>
/// Mistral adds a sliding window, Qwen 2 biases on q, k and v, Qwen 3 norms on q and k, SmolLM 3 layers without positions: all said by
/// <see cref="ModelConfig"/>. Source: Touvron et al., arXiv 2302.13971 and 2307.09288; names of modules as in Transformers' modeling_llama.
/// </remarks>
public sealed class Llama : LanguageModel
{
    private readonly RotaryTable rotary;

    private Llama(ModelConfig config, ModelParts parts, RotaryTable rotary)
        : base(config, parts) => this.rotary = rotary;

    /// <summary>Builds the model from its tensors.</summary>
    /// <param name="config">The configuration.</param>
    /// <param name="source">The tensors.</param>
    public static Llama Build(ModelConfig config, ITensorSource source)
    {
        ArgumentNullException.ThrowIfNull(config);
        ArgumentNullException.ThrowIfNull(source);
        int hidden = config.HiddenSize;
        List<Site> sites = [];
        RotaryTable rotary = new(config.HeadDim, config.Rope);
        EmbeddingSite embedding = Add(new EmbeddingSite("model.embed_tokens", source.Matrix("model.embed_tokens.weight", config.VocabularySize, hidden)));
        Block[] blocks = new Block[config.Layers];
        for (int i = 0; i < blocks.Length; i++)
        {
            blocks[i] = Layer(i);
        }
        NormSite final = Norm("model.norm", -1, hidden);
        // A file may hold a head of its own although its configuration calls it tied: both are used then.
        bool tied = config.TieEmbeddings && !source.Differ("lm_head.weight", "model.embed_tokens.weight");
        LinearSite head = Add(tied
            ? new LinearSite("lm_head", -1, embedding.Weight, null, isHead: true) { Tied = true }
            : new LinearSite("lm_head", -1, source.Matrix("lm_head.weight", config.VocabularySize, hidden), null, isHead: true));
        return new Llama(config with { TieEmbeddings = tied }, new ModelParts(embedding, blocks, final, new Projection(head), sites), rotary);

        Block Layer(int i)
        {
            string block = $"model.layers.{i}";
            string attention = block + ".self_attn", mlp = block + ".mlp";
            LayerShape shape = LayerShape.Of(config, source, attention, mlp);
            int query = shape.Heads * config.HeadDim, key = shape.KeyHeads * config.HeadDim;
            NormSite mixerNorm = Norm(block + ".input_layernorm", i, hidden);
            LinearSite q = Dense(attention + ".q_proj", i, query, hidden, config.AttentionBias);
            LinearSite k = Dense(attention + ".k_proj", i, key, hidden, config.AttentionBias);
            LinearSite v = Dense(attention + ".v_proj", i, key, hidden, config.AttentionBias);
            NormSite? qNorm = config.QueryKeyNorm ? Norm(attention + ".q_norm", i, config.HeadDim) : null;
            NormSite? kNorm = config.QueryKeyNorm ? Norm(attention + ".k_norm", i, config.HeadDim) : null;
            LinearSite o = Dense(attention + ".o_proj", i, hidden, query, config.OutputBias);
            OutputSite mixerOutput = Add(new OutputSite(attention, i, hidden));
            NormSite feedNorm = Norm(block + ".post_attention_layernorm", i, hidden);
            LinearSite gate = Dense(mlp + ".gate_proj", i, shape.Intermediate, hidden, config.MlpBias);
            LinearSite up = Dense(mlp + ".up_proj", i, shape.Intermediate, hidden, config.MlpBias);
            LinearSite down = Dense(mlp + ".down_proj", i, hidden, shape.Intermediate, config.MlpBias);
            OutputSite feedOutput = Add(new OutputSite(mlp, i, hidden));
            AttentionShape heads = new(shape.Heads, shape.KeyHeads, config.HeadDim, 1f / MathF.Sqrt(config.HeadDim), config.Window(i));
            return new Block(
                i,
                mixerNorm,
                new AttentionMixer(new Projection(q, k, v), new Projection(o), heads, config.HasRope(i) ? rotary : null) { QueryNorm = qNorm, KeyNorm = kNorm },
                mixerOutput,
                feedNorm,
                new GatedFeedForward(new Projection(gate, up), new Projection(down)),
                feedOutput);
        }

        T Add<T>(T site)
            where T : Site
        {
            sites.Add(site);
            return site;
        }

        NormSite Norm(string name, int layer, int width) => Add(new NormSite(name, layer, source.Vector(name + ".weight", width), null, config.NormEps));

        LinearSite Dense(string name, int layer, int outputs, int inputs, bool bias) => Add(new LinearSite(
            name, layer, source.Matrix(name + ".weight", outputs, inputs), bias ? source.Vector(name + ".bias", outputs) : null));
    }

    /// <inheritdoc/>
    protected override void BeginStep(ModelRun run) => rotary.Prepare(run);
}
