using Lorikeet.Kernels;
using Lorikeet.Tensors;

namespace Lorikeet.Models;

/// <summary>The Llama family: RMSNorm, rotary positions, grouped key heads, gated feed-forward.</summary>
/// <remarks>Source: Touvron et al., arXiv 2302.13971 and 2307.09288; names of modules as in Transformers' modeling_llama.</remarks>
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
        RotaryTable rotary = new(config.HeadDim, config.RopeTheta);
        AttentionShape shape = new(config.Heads, config.KeyHeads, config.HeadDim, 1f / MathF.Sqrt(config.HeadDim), 0);
        EmbeddingSite embedding = Add(new EmbeddingSite("model.embed_tokens", source.Matrix("model.embed_tokens.weight", config.VocabularySize, hidden)));
        Block[] blocks = new Block[config.Layers];
        for (int i = 0; i < blocks.Length; i++)
        {
            string block = $"model.layers.{i}";
            string attention = block + ".self_attn", mlp = block + ".mlp";
            NormSite mixerNorm = Norm(block + ".input_layernorm", i);
            LinearSite q = Dense(attention + ".q_proj", i, config.Heads * config.HeadDim, hidden, config.AttentionBias);
            LinearSite k = Dense(attention + ".k_proj", i, config.KeyHeads * config.HeadDim, hidden, config.AttentionBias);
            LinearSite v = Dense(attention + ".v_proj", i, config.KeyHeads * config.HeadDim, hidden, config.AttentionBias);
            LinearSite o = Dense(attention + ".o_proj", i, hidden, config.Heads * config.HeadDim, config.OutputBias);
            OutputSite mixerOutput = Add(new OutputSite(attention, i, hidden));
            NormSite feedNorm = Norm(block + ".post_attention_layernorm", i);
            LinearSite gate = Dense(mlp + ".gate_proj", i, config.IntermediateSize, hidden, config.MlpBias);
            LinearSite up = Dense(mlp + ".up_proj", i, config.IntermediateSize, hidden, config.MlpBias);
            LinearSite down = Dense(mlp + ".down_proj", i, hidden, config.IntermediateSize, config.MlpBias);
            OutputSite feedOutput = Add(new OutputSite(mlp, i, hidden));
            blocks[i] = new Block(
                i,
                mixerNorm,
                new AttentionMixer(new Projection(q, k, v), new Projection(o), shape, rotary),
                mixerOutput,
                feedNorm,
                new GatedFeedForward(new Projection(gate, up), new Projection(down)),
                feedOutput);
        }
        NormSite final = Norm("model.norm", -1);
        LinearSite head = config.TieEmbeddings
            ? Add(new LinearSite("lm_head", -1, embedding.Weight, null, isHead: true) { Tied = true })
            : Add(new LinearSite("lm_head", -1, source.Matrix("lm_head.weight", config.VocabularySize, hidden), null, isHead: true));
        return new Llama(config, new ModelParts(embedding, blocks, final, new Projection(head), sites), rotary);

        T Add<T>(T site)
            where T : Site
        {
            sites.Add(site);
            return site;
        }

        NormSite Norm(string name, int layer) => Add(new NormSite(name, layer, source.Vector(name + ".weight", hidden), null, config.NormEps));

        LinearSite Dense(string name, int layer, int outputs, int inputs, bool bias) => Add(new LinearSite(
            name, layer, source.Matrix(name + ".weight", outputs, inputs), bias ? source.Vector(name + ".bias", outputs) : null));
    }

    /// <inheritdoc/>
    protected override void BeginStep(ModelRun run) => rotary.Prepare(run);
}
