using Lorikeet.Kernels;

namespace Lorikeet.Models;

/// <content>The parts of Llama's blocks, which many architectures have with small changes.</content>
internal sealed partial class ModelBuilder
{
    /// <summary>Attention with layers q_proj, k_proj, v_proj and o_proj.</summary>
    /// <param name="path">The module's path.</param>
    /// <param name="rotary">The rotation of q and k, or null.</param>
    /// <param name="heads">Heads, scale, cap and window; null: the configuration's.</param>
    /// <param name="norms">Makes the norms of q and k from the module's path; null: there are none.</param>
    public AttentionMixer Attention(string path, RotaryTable? rotary, AttentionShape? heads = null, Func<string, (INorm Query, INorm Key)>? norms = null)
    {
        AttentionShape shape = heads ?? Heads();
        int hidden = Config.HiddenSize, query = shape.Heads * shape.HeadDim, key = shape.KeyHeads * shape.HeadDim;
        LinearSite q = Dense(path + ".q_proj", query, hidden, Config.AttentionBias);
        LinearSite k = Dense(path + ".k_proj", key, hidden, Config.AttentionBias);
        LinearSite v = Dense(path + ".v_proj", key, hidden, Config.AttentionBias);
        (INorm? qNorm, INorm? kNorm) = norms?.Invoke(path) ?? default;
        LinearSite o = Dense(path + ".o_proj", hidden, query, Config.OutputBias);
        return new AttentionMixer(new Projection(q, k, v), new Projection(o), shape) { Rotary = rotary, QueryNorm = qNorm, KeyNorm = kNorm };
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
