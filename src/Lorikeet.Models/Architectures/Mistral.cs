namespace Lorikeet.Models;

/// <summary>Mistral: Llama's blocks with a window on every layer.</summary>
/// <remarks>Source: Jiang et al., arXiv 2310.06825.</remarks>
internal static class Mistral
{
    private static readonly ConfigForm Form = Llama.Form with { DefaultKeyHeads = 8, DefaultPositions = 131_072, AttentionBias = null, MlpBias = null };

    public static Architecture Entry { get; } = new("mistral", "MistralForCausalLM")
    {
        Models = "Mistral 7B, Mistral NeMo",
        About = "Llama with a sliding window",
        Table = "model.embed_tokens",
        Form = Form,
        Read = Read,
        Build = b => Llama.Build(b),
        Start = [("sliding_window", null)],
    };

    private static ModelConfig Read(JsonFields json)
    {
        ModelConfig config = Form.Read(json);
        // The class default is a window: no window must be written as null.
        return config with { Windows = LayerWindows.All(json, config.Layers, absent: 4096) };
    }
}
