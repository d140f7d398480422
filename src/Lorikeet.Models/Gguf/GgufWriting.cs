using Lorikeet.Kernels;
using Lorikeet.Tensors;

namespace Lorikeet.Models.Gguf;

/// <summary>Metadata that most architectures share, and what their files cannot say.</summary>
internal static class GgufWriting
{
    /// <summary>Writes the usual numbers, rope included.</summary>
    /// <param name="config">The configuration.</param>
    /// <param name="metadata">Receives the keys.</param>
    /// <param name="eps">The key of what norms add.</param>
    public static void Usual(ModelConfig config, GgufMetadata metadata, string eps = "attention.layer_norm_rms_epsilon")
    {
        Start(config, metadata, eps);
        metadata.Own("attention.head_count_kv", (uint)config.KeyHeads);
        metadata.Own("attention.key_length", (uint)config.HeadDim);
        metadata.Own("attention.value_length", (uint)config.HeadDim);
        GgufRope.Write(config, metadata);
    }

    /// <summary>Writes what every architecture has.</summary>
    /// <param name="config">The configuration.</param>
    /// <param name="metadata">Receives the keys.</param>
    /// <param name="eps">The key of what norms add.</param>
    public static void Start(ModelConfig config, GgufMetadata metadata, string eps)
    {
        if (config.PerLayerShapes)
        {
            throw new NotSupportedException("per_layer_shapes: blocks of different widths are not built yet in GGUF files");
        }
        metadata.Own("block_count", (uint)config.Layers);
        metadata.Own("context_length", (uint)config.MaxPositions);
        metadata.Own("embedding_length", (uint)config.HiddenSize);
        metadata.Own("feed_forward_length", (uint)config.IntermediateSize);
        metadata.Own("attention.head_count", (uint)config.Heads);
        metadata.Own(eps, config.NormEps);
        metadata.Own("vocab_size", (uint)config.VocabularySize);
    }

    /// <summary>Refuses a window: other programs would attend to everything.</summary>
    /// <param name="config">The configuration.</param>
    public static void NoWindows(ModelConfig config) => Refuse(
        config.Windows.Any(w => w > 0 && w < config.MaxPositions), config, "a sliding window");

    /// <summary>Refuses biases of attention.</summary>
    /// <param name="config">The configuration.</param>
    public static void NoBiases(ModelConfig config) => Refuse(config.AttentionBias || config.OutputBias || config.MlpBias, config, "a bias");

    /// <summary>Refuses another activation than the architecture's.</summary>
    /// <param name="config">The configuration.</param>
    /// <param name="kind">What the architecture has.</param>
    public static void Only(ModelConfig config, ActivationKind kind) => Refuse(config.Activation != kind, config, $"the activation {ActivationNames.Of(config.Activation)}");

    /// <summary>Refuses an option of config.json.</summary>
    /// <param name="condition">Whether it is set.</param>
    /// <param name="config">The configuration.</param>
    /// <param name="what">What it is.</param>
    public static void Refuse(bool condition, ModelConfig config, string what)
    {
        if (condition)
        {
            throw new NotSupportedException($"{what} has no form in GGUF files of a {config.ModelType}");
        }
    }

    /// <summary>Whether config.json gives a key this value.</summary>
    /// <param name="config">The configuration.</param>
    /// <param name="key">The key.</param>
    /// <param name="value">The value as JSON.</param>
    public static bool Says(ModelConfig config, string key, string value) => config.Source?[key]?.ToJsonString() == value;
}
