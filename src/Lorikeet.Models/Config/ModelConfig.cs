using System.Text.Json.Nodes;
using Lorikeet.Kernels;
using Lorikeet.Tensors;

namespace Lorikeet.Models;

/// <summary>What config.json says of a decoder-only model, in the terms of this library.</summary>
/// <remarks>Read by <see cref="ModelConfigFile"/>, which checks every number before it is used; made in code for random starts and tests.</remarks>
public sealed partial record ModelConfig
{
    /// <summary>The architecture as config.json names it: <c>llama</c>.</summary>
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

    /// <summary>The longest sequence the model was made for, in tokens.</summary>
    public int MaxPositions { get; init; } = 2048;

    /// <summary>Added to the mean square in norms.</summary>
    public float NormEps { get; init; } = 1e-6f;

    /// <summary>Base and scaling of the rotary angles.</summary>
    public RopeSettings Rope { get; init; } = new();

    /// <summary>Elements of a head that are rotated; 0: all.</summary>
    public int RotaryDim { get; init; }

    /// <summary>The feed-forward's activation function.</summary>
    public ActivationKind Activation { get; init; } = ActivationKind.Silu;

    /// <summary>The head is the token table.</summary>
    public bool TieEmbeddings { get; init; }

    /// <summary>Biases on q, k and v.</summary>
    public bool AttentionBias { get; init; }

    /// <summary>A bias on o.</summary>
    public bool OutputBias { get; init; }

    /// <summary>Biases on gate, up and down.</summary>
    public bool MlpBias { get; init; }

    /// <summary>An RMSNorm over each head of q and k before the rotation.</summary>
    public bool QueryKeyNorm { get; init; }

    /// <summary>For each block the keys a query sees, itself included; 0: all. Empty: all, everywhere.</summary>
    public IReadOnlyList<int> Windows { get; init; } = [];

    /// <summary>For each block whether its attention has rotary positions. Empty: everywhere.</summary>
    public IReadOnlyList<bool> RopeLayers { get; init; } = [];

    /// <summary>
    /// True: heads and feed-forward may be narrower from block to block than the numbers above, as pruning leaves them; the tensors say how wide.
    /// False: a tensor of another shape is an error.
    /// </summary>
    public bool PerLayerShapes { get; init; }

    /// <summary>Begin-of-text id, or null.</summary>
    public int? BeginId { get; init; }

    /// <summary>Ids that end a text; may be empty.</summary>
    public IReadOnlyList<int> EndIds { get; init; } = [];

    /// <summary>The element type that the file says its weights have, or null.</summary>
    public ElementType? StoredType { get; init; }

    /// <summary>config.json as it was read; null for a configuration made in code.</summary>
    public JsonObject? Source { get; init; }

    /// <summary>Elements of a head that are rotated.</summary>
    internal int RotaryWidth => RotaryDim == 0 ? HeadDim : RotaryDim;

    /// <summary>Keys that a query of a block sees, itself included; 0: all.</summary>
    /// <param name="layer">The block.</param>
    public int Window(int layer) => Windows.Count == 0 ? 0 : Windows[layer];

    /// <summary>Whether a block's attention has rotary positions.</summary>
    /// <param name="layer">The block.</param>
    public bool HasRope(int layer) => RopeLayers.Count == 0 || RopeLayers[layer];
}
