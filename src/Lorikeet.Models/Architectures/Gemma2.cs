using Lorikeet.Kernels;
using Lorikeet.Models.Files;

namespace Lorikeet.Models;

/// <summary>Gemma 2 and the text part of Gemma 3: four norms a block, windows on some blocks; 2 caps scores and logits, 3 norms q and k.</summary>
/// <remarks>Source: Gemma team, arXiv 2408.00118 and 2503.19786; names of modules as in Transformers' modeling_gemma2 and modeling_gemma3.</remarks>
internal static class Gemma2
{
    private static readonly ConfigForm Form2 = Gemma.Form with { DefaultKeyHeads = 4 };
    private static readonly ConfigForm Form3 = Form2 with { DefaultPositions = 131_072, Theta = 1_000_000 };

    public static Architecture Entry2 { get; } = new("gemma2", "Gemma2ForCausalLM")
    {
        Models = "Gemma 2",
        About = "four norms a block, soft caps on scores and logits, windows on every other block",
        Table = "model.embed_tokens",
        Form = Form2,
        Read = json => Read(json, Form2, pattern: 2),
        Build = b => Build(b, third: false),
    };

    public static Architecture Entry3 { get; } = new("gemma3_text", "Gemma3ForCausalLM")
    {
        Models = "Gemma 3 (text: 270M, 1B)",
        About = "four norms a block, norms of q and k, windows with angles of their own on five of six blocks",
        Table = "model.embed_tokens",
        Form = Form3,
        Read = json => Read(json, Form3, pattern: json.Integer("sliding_window_pattern", 1, int.MaxValue, json.Integer("_sliding_window_pattern", 1, int.MaxValue, 6))),
        Build = b => Build(b, third: true),
    };

    private static ModelConfig Read(JsonFields json, ConfigForm form, int pattern)
    {
        ModelConfig config = form.Read(json);
        if (json.Flag("use_bidirectional_attention", false))
        {
            throw new NotSupportedException($"{json.Path}: use_bidirectional_attention is not built: this version reads text from left to right");
        }
        int window = json.Names("sliding_window") ? json.Integer("sliding_window", 1, int.MaxValue, 0) : 4096;
        return config with
        {
            QueryKeyNorm = form == Form3,
            Windows = LayerWindows.Some(json, window, config.Layers, layer => (layer + 1) % pattern != 0),
        };
    }

    /// <summary>A cap: absent, the default; null, none.</summary>
    private static float Cap(JsonFields json, string key, double absent) => json.Names(key) && !json.Has(key) ? 0f : (float)json.Number(key, 1e-6, 1e6, absent);

    private static LanguageModel Build(ModelBuilder b, bool third)
    {
        ModelConfig config = b.Config;
        RotaryTable rotary = b.Rotary();
        RotaryTable windowed = third
            ? b.Rotary(settings: RopeFields.ReadWindowed(b.Own, config.MaxPositions, b.Own.Number("rope_local_base_freq", 1e-6, 1e12, 10_000)))
            : rotary;
        float scale = 1f / MathF.Sqrt((float)b.Own.Number("query_pre_attn_scalar", 1e-6, 1e9, 256));
        float cap = Cap(b.Own, "attn_logit_softcapping", third ? 0 : 50);
        return b.Decoder(
            Layer,
            name => b.RmsNorm(name, offset: 1f),
            parts => parts with { LookupScale = Gemma.Scale(config), LogitCap = Cap(b.Own, "final_logit_softcapping", third ? 0 : 30) });

        Block Layer(int i)
        {
            string block = $"model.layers.{i}", attention = block + ".self_attn", mlp = block + ".mlp";
            AttentionShape heads = b.Heads(scale) with { Cap = cap };
            NormSite before = b.RmsNorm(block + ".input_layernorm", offset: 1f);
            AttentionMixer mixer = b.Attention(attention, heads.Window > 0 ? windowed : rotary, heads, third ? Norms : null);
            OutputSite mixed = b.Output(attention);
            NormSite after = b.RmsNorm(block + ".post_attention_layernorm", offset: 1f);
            NormSite beforeFeed = b.RmsNorm(block + ".pre_feedforward_layernorm", offset: 1f);
            GatedFeedForward feed = b.Gated(mlp);
            return new Block(i, before, mixer, mixed, beforeFeed, feed, b.Output(mlp))
            {
                MixerAnswerNorm = after,
                FeedForwardAnswerNorm = b.RmsNorm(block + ".post_feedforward_layernorm", offset: 1f),
            };
        }

        (INorm, INorm) Norms(string attention) =>
            (b.RmsNorm(attention + ".q_norm", config.HeadDim, offset: 1f), b.RmsNorm(attention + ".k_norm", config.HeadDim, offset: 1f));
    }
}
