using System.Text.Json.Nodes;
using Lorikeet.Models;
using Lorikeet.Tensors;

namespace Lorikeet.Adapters;

/// <summary>DoRA: LoRA on the direction of each row of the weight, and a trained magnitude beside it.</summary>
public sealed class DoraMethod : LoraMethod
{
    /// <inheritdoc/>
    public override string Name => "dora";

    /// <inheritdoc/>
    public override string Summary => "Trains the direction of each weight row by LoRA and its length by a vector.";

    /// <inheritdoc/>
    public override string Source => "Liu et al., DoRA: Weight-Decomposed Low-Rank Adaptation, ICML 2024, arXiv 2402.09353";

    /// <inheritdoc/>
    public override string Formula => "r (inputs + outputs) + outputs";

    /// <inheritdoc/>
    public override bool Reads(JsonObject config) => LoraOptions.IsLora(config) && LoraOptions.IsDora(config);

    /// <inheritdoc/>
    public override TrainedAdapter Create(string name, LanguageModel model, JsonObject config, CounterRandom random)
    {
        ArgumentNullException.ThrowIfNull(config);
        JsonObject own = (JsonObject)config.DeepClone();
        own["use_dora"] = true;
        return base.Create(name, model, own, random);
    }
}
