namespace Lorikeet.Models;

/// <content>The shapes that benchmarks run with random weights.</content>
public sealed partial record ModelConfig
{
    /// <summary>The SmolLM2-135M shape: 576 wide, 30 layers, 9 heads over 3, tied.</summary>
    public static ModelConfig S { get; } = new()
    {
        HiddenSize = 576,
        IntermediateSize = 1536,
        Layers = 30,
        Heads = 9,
        KeyHeads = 3,
        HeadDim = 64,
        VocabularySize = 49_152,
        MaxPositions = 8192,
        NormEps = 1e-5f,
        Rope = new RopeSettings { Theta = 100_000 },
        TieEmbeddings = true,
    };

    /// <summary>The TinyLlama-1.1B shape: 2048 wide, 22 layers, 32 heads over 4.</summary>
    public static ModelConfig M { get; } = new()
    {
        HiddenSize = 2048,
        IntermediateSize = 5632,
        Layers = 22,
        Heads = 32,
        KeyHeads = 4,
        HeadDim = 64,
        VocabularySize = 32_000,
        MaxPositions = 2048,
        NormEps = 1e-5f,
    };
}
