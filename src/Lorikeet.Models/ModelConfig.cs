namespace Lorikeet.Models;

/// <summary>What config.json says of a decoder-only model, in the terms of this library.</summary>
public sealed record ModelConfig
{
    /// <summary>The architecture: <c>llama</c>.</summary>
    public string ModelType { get; init; } = "llama";

    /// <summary>Width of the residual stream.</summary>
    public required int HiddenSize { get; init; }

    /// <summary>Width of the feed-forward.</summary>
    public required int IntermediateSize { get; init; }

    /// <summary>Number of blocks.</summary>
    public required int Layers { get; init; }

    /// <summary>Query heads.</summary>
    public required int Heads { get; init; }

    /// <summary>Key and value heads; each serves Heads / KeyHeads query heads.</summary>
    public required int KeyHeads { get; init; }

    /// <summary>Elements of a head.</summary>
    public required int HeadDim { get; init; }

    /// <summary>Rows of the token table.</summary>
    public required int VocabularySize { get; init; }

    /// <summary>The longest sequence the model was made for.</summary>
    public int MaxPositions { get; init; } = 2048;

    /// <summary>Added to the mean square in norms.</summary>
    public float NormEps { get; init; } = 1e-6f;

    /// <summary>The base of the rotary angles.</summary>
    public double RopeTheta { get; init; } = 10000;

    /// <summary>The head is the token table.</summary>
    public bool TieEmbeddings { get; init; }

    /// <summary>Biases on q, k, v (and o where <see cref="OutputBias"/>).</summary>
    public bool AttentionBias { get; init; }

    /// <summary>A bias on o.</summary>
    public bool OutputBias { get; init; }

    /// <summary>Biases on gate, up and down.</summary>
    public bool MlpBias { get; init; }
}
