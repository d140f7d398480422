namespace Lorikeet.Models;

/// <summary>Qwen 2 and Qwen 3: Llama's blocks; 2 has biases on q, k and v, 3 norms over each head of q and k.</summary>
/// <remarks>Source: Yang et al., arXiv 2407.10671; Qwen team, arXiv 2505.09388.</remarks>
internal static class Qwen
{
    private static readonly ConfigForm Form2 = Llama.Form with { DefaultKeyHeads = 32, DefaultPositions = 32_768, AttentionBias = null, MlpBias = null };
    private static readonly ConfigForm Form3 = Form2 with { DefaultHeadDim = 128, AttentionBias = "attention_bias" };

    public static Architecture Entry2 { get; } = new("qwen2", "Qwen2ForCausalLM")
    {
        Models = "Qwen 2, Qwen 2.5, QwQ",
        About = "Llama with biases on q, k and v",
        Table = "model.embed_tokens",
        Form = Form2,
        Read = Read2,
        Build = b => Llama.Build(b),
    };

    public static Architecture Entry3 { get; } = new("qwen3", "Qwen3ForCausalLM")
    {
        Models = "Qwen 3 (dense)",
        About = "Llama with an RMSNorm over each head of q and k",
        Table = "model.embed_tokens",
        Form = Form3,
        Read = Read3,
        Build = b => Llama.Build(b),
    };

    private static ModelConfig Read2(JsonFields json)
    {
        ModelConfig config = Form2.Read(json);
        return config with { AttentionBias = true, Windows = Windows(json, config.Layers) };
    }

    private static ModelConfig Read3(JsonFields json)
    {
        ModelConfig config = Form3.Read(json);
        return config with { QueryKeyNorm = true, Windows = Windows(json, config.Layers) };
    }

    /// <summary>The window of each block.</summary>
    /// <param name="json">config.json.</param>
    /// <param name="layers">Number of blocks.</param>
    public static int[] Windows(JsonFields json, int layers)
    {
        int window = json.Flag("use_sliding_window", false)
            ? json.Names("sliding_window") ? json.Integer("sliding_window", 1, int.MaxValue, 0) : 4096
            : 0;
        int full = json.Integer("max_window_layers", 0, int.MaxValue, 28);
        return LayerWindows.Some(json, window, layers, layer => layer >= full);
    }
}
