using Lorikeet.Tensors;

namespace Lorikeet.Models;

/// <summary>A model of one linear layer and nothing else: for looking at a method alone.</summary>
/// <remarks><see cref="LanguageModel.Logits"/> is the layer: rows in, rows out, with whatever adapters the run's plan brings.</remarks>
public sealed class OneLayer : LanguageModel
{
    private OneLayer(ModelConfig config, ModelParts parts, LinearSite layer)
        : base(config, parts) => Layer = layer;

    /// <summary>The layer.</summary>
    public LinearSite Layer { get; }

    /// <summary>A model of a layer.</summary>
    /// <param name="weight">[outputs, inputs]; the model owns it.</param>
    /// <param name="bias">[outputs], or null.</param>
    /// <param name="name">The layer's path.</param>
    public static OneLayer Of(Weight weight, Parameter? bias = null, string name = "layer")
    {
        ArgumentNullException.ThrowIfNull(weight);
        ModelConfig config = new()
        {
            ModelType = "layer",
            HiddenSize = weight.Inputs,
            IntermediateSize = weight.Inputs,
            Layers = 0,
            Heads = 1,
            KeyHeads = 1,
            HeadDim = weight.Inputs,
            VocabularySize = weight.Outputs,
        };
        LinearSite layer = new(name, -1, weight, bias);
        ModelParts parts = new() { Embedding = new EmbeddingSite("embedding", weight), Blocks = [], Head = new Projection(layer), Sites = [layer] };
        return new OneLayer(config, parts, layer);
    }
}
