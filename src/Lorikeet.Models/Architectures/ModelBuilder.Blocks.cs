using Lorikeet.Kernels;

namespace Lorikeet.Models;

/// <content>Attention and feed-forwards, which many architectures have with small changes.</content>
internal sealed partial class ModelBuilder
{
    /// <summary>A model with Llama's names around its blocks: model.embed_tokens, model.norm, lm_head.</summary>
    /// <param name="layer">Makes the block of a number.</param>
    /// <param name="norm">Makes the last norm from its path.</param>
    /// <param name="more">Adds what else stands around the blocks, or null.</param>
    public LanguageModel Decoder(Func<int, Block> layer, Func<string, NormSite> norm, Func<ModelParts, ModelParts>? more = null)
    {
        EmbeddingSite table = Embedding("model.embed_tokens");
        ModelParts parts = new()
        {
            Embedding = table,
            Blocks = Blocks(layer),
            FinalNorm = norm("model.norm"),
            Head = Head("lm_head", table),
        };
        return Model(more is null ? parts : more(parts));
    }

    /// <summary>Attention with a layer each for q, k and v, named <c>q_proj</c>, <c>k_proj</c>, <c>v_proj</c>.</summary>
    /// <param name="path">The module's path.</param>
    /// <param name="rotary">The rotation of q and k, or null.</param>
    /// <param name="heads">Heads, scale, cap and window; null: the configuration's.</param>
    /// <param name="norms">Makes the norms of q and k from the module's path; null: there are none.</param>
    /// <param name="output">The name of the layer back to the hidden size.</param>
    /// <param name="bias">Whether all four have biases; null: as the configuration says of q, k, v and of o.</param>
    public AttentionMixer Attention(
        string path,
        RotaryTable? rotary,
        AttentionShape? heads = null,
        Func<string, (INorm Query, INorm Key)>? norms = null,
        string output = "o_proj",
        bool? bias = null)
    {
        AttentionShape shape = heads ?? Heads();
        int hidden = Config.HiddenSize, query = shape.Heads * shape.HeadDim, key = shape.KeyHeads * shape.HeadDim;
        LinearSite q = Dense(path + ".q_proj", query, hidden, bias ?? Config.AttentionBias);
        LinearSite k = Dense(path + ".k_proj", key, hidden, bias ?? Config.AttentionBias);
        LinearSite v = Dense(path + ".v_proj", key, hidden, bias ?? Config.AttentionBias);
        (INorm? qNorm, INorm? kNorm) = norms?.Invoke(path) ?? default;
        LinearSite o = Dense($"{path}.{output}", hidden, query, bias ?? Config.OutputBias);
        return new AttentionMixer(new Projection(q, k, v), new Projection(o), shape) { Rotary = rotary, QueryNorm = qNorm, KeyNorm = kNorm };
    }

    /// <summary>Attention with one layer for q, k and v.</summary>
    /// <param name="qkv">The path of that layer.</param>
    /// <param name="output">The path of the layer back to the hidden size.</param>
    /// <param name="shape">Heads, scale and window.</param>
    /// <param name="grouped">How its outputs lie: see <see cref="FusedRows"/>.</param>
    /// <param name="rotary">The rotation, or null.</param>
    /// <param name="dense">Makes a layer: path, outputs, inputs.</param>
    /// <param name="slopes">A slope for each head's scores, or null.</param>
    public AttentionMixer FusedAttention(
        string qkv, string output, AttentionShape shape, bool grouped, RotaryTable? rotary, Func<string, int, int, LinearSite> dense, float[]? slopes = null)
    {
        FusedRows rows = new(shape, grouped);
        LinearSite fused = dense(qkv, rows.Width, Config.HiddenSize), back = dense(output, Config.HiddenSize, shape.Heads * shape.HeadDim);
        return new AttentionMixer(new Projection(fused), new Projection(back), shape) { Rotary = rotary, Fused = rows, Slopes = slopes };
    }

    /// <summary>An ungated feed-forward with the configuration's activation.</summary>
    /// <param name="up">The path of its first layer.</param>
    /// <param name="down">The path of its second.</param>
    /// <param name="dense">Makes a layer: path, outputs, inputs.</param>
    public FeedForward FeedForward(string up, string down, Func<string, int, int, LinearSite> dense)
    {
        LinearSite first = dense(up, Config.IntermediateSize, Config.HiddenSize);
        return new FeedForward(new Projection(first), new Projection(dense(down, Config.HiddenSize, Config.IntermediateSize)), Config.Activation);
    }

    /// <summary>A gated feed-forward with the configuration's activation and biases.</summary>
    /// <param name="path">The module's path.</param>
    /// <param name="width">Its inner width; 0: the configuration's.</param>
    /// <param name="gate">The first layer's name, which the activation works on.</param>
    /// <param name="up">The second layer's.</param>
    /// <param name="down">The third layer's.</param>
    public GatedFeedForward Gated(string path, int width = 0, string gate = "gate_proj", string up = "up_proj", string down = "down_proj")
    {
        int inner = width == 0 ? Config.IntermediateSize : width;
        LinearSite first = Dense($"{path}.{gate}", inner, Config.HiddenSize, Config.MlpBias);
        LinearSite second = Dense($"{path}.{up}", inner, Config.HiddenSize, Config.MlpBias);
        LinearSite third = Dense($"{path}.{down}", Config.HiddenSize, inner, Config.MlpBias);
        return new GatedFeedForward(new Projection(first, second), new Projection(third), Config.Activation);
    }
}
