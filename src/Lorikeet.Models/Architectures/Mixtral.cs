namespace Lorikeet.Models;

/// <summary>Mixtral: Mistral's blocks with a feed-forward of many experts.</summary>
/// <remarks>
/// Source: Jiang et al., arXiv 2401.04088. The router is called as Transformers' modules are since its version 5 (mlp.gate), under which
/// adapters name it; experts are called as in the file.
/// </remarks>
internal static class Mixtral
{
    private static readonly ConfigForm Form = Llama.Form with
    {
        DefaultKeyHeads = 8,
        DefaultPositions = 131_072,
        DefaultNormEps = 1e-5,
        Theta = 1_000_000,
        AttentionBias = null,
        MlpBias = null,
    };

    public static Architecture Entry { get; } = new("mixtral", "MixtralForCausalLM")
    {
        Models = "Mixtral 8x7B, 8x22B",
        About = "Mistral with experts",
        Table = "model.embed_tokens",
        Form = Form,
        Read = Read,
        Build = Build,
    };

    private static ModelConfig Read(JsonFields json)
    {
        ModelConfig config = Form.Read(json);
        Experts(json, config);
        return config with { Windows = LayerWindows.All(json, config.Layers, absent: 0) };
    }

    private static ExpertSettings Experts(JsonFields json, ModelConfig config) =>
        ExpertSettings.Read(json, ["num_local_experts", "num_experts"], count: 8, perToken: 2, config.IntermediateSize, renormalise: true);

    private static LanguageModel Build(ModelBuilder b)
    {
        ExpertSettings experts = Experts(b.Own, b.Config);
        return Llama.Build(b, (_, mlp) =>
        {
            string stored = mlp.Replace(".mlp", ".block_sparse_moe", StringComparison.Ordinal);
            return experts.Build(b, mlp + ".gate", e => b.Gated($"{stored}.experts.{e}", gate: "w1", up: "w3", down: "w2"), storedRouter: stored + ".gate");
        });
    }
}
