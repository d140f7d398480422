namespace Lorikeet.Models;

/// <summary>StableLM: Llama's blocks with LayerNorm and partly rotated heads; the larger have parallel branches and a norm for each head of q and k.</summary>
/// <remarks>Source: Bellagente et al., arXiv 2402.17834; names of modules as in Transformers' modeling_stablelm.</remarks>
internal static class StableLm
{
    private static readonly ConfigForm Form = new() { DefaultPositions = 4096, DefaultKeyHeads = 32, RotaryShare = 0.25 };

    public static Architecture Entry { get; } = new("stablelm", "StableLmForCausalLM")
    {
        Models = "StableLM 3B, StableLM 2",
        About = "LayerNorm, a gated feed-forward, partly rotated heads",
        Table = "model.embed_tokens",
        Form = Form,
        Read = json => Form.Read(json) with { AttentionBias = json.Flag("use_qkv_bias", false) },
        Build = Build,
    };

    private static LanguageModel Build(ModelBuilder b)
    {
        ModelConfig config = b.Config;
        bool parallel = b.Own.Flag("use_parallel_residual", false), norms = b.Own.Flag("qk_layernorm", false);
        RotaryTable rotary = b.Rotary();
        return b.Decoder(Layer, name => b.LayerNorm(name));

        Block Layer(int i)
        {
            string block = $"model.layers.{i}";
            return new Block(
                i,
                b.LayerNorm(block + ".input_layernorm"),
                b.Attention(block + ".self_attn", rotary, norms: norms ? Norms : null),
                b.Output(block + ".self_attn"),
                parallel ? null : b.LayerNorm(block + ".post_attention_layernorm"),
                b.Gated(block + ".mlp"),
                b.Output(block + ".mlp"))
            {
                Form = parallel ? BlockForm.Parallel : BlockForm.Sequential,
            };
        }

        (INorm, INorm) Norms(string attention) => (Heads(attention + ".q_layernorm", config.Heads), Heads(attention + ".k_layernorm", config.KeyHeads));

        HeadNorms Heads(string path, int count) =>
            new([.. Enumerable.Range(0, count).Select(h => b.LayerNorm($"{path}.norms.{h}", config.HeadDim, bias: false))]);
    }
}
