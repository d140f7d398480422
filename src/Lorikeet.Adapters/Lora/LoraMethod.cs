using System.Text.Json.Nodes;
using Lorikeet.Models;
using Lorikeet.Tensors;

namespace Lorikeet.Adapters;

/// <summary>LoRA: y = W x + b + s B (A x), with everything PEFT's LoraConfig puts around it.</summary>
public class LoraMethod : AdapterMethod
{
    /// <inheritdoc/>
    public override string Name => "lora";

    /// <inheritdoc/>
    public override string PeftType => "LORA";

    /// <inheritdoc/>
    public override string Summary => "Adds a trained low-rank product B A to frozen weights.";

    /// <inheritdoc/>
    public override string Source => "Hu et al., LoRA: Low-Rank Adaptation of Large Language Models, ICLR 2022, arXiv 2106.09685";

    /// <inheritdoc/>
    public override IReadOnlyList<MethodOption> Options => LoraOptions.All;

    /// <inheritdoc/>
    public override bool Reads(JsonObject config) => LoraOptions.IsLora(config);

    /// <inheritdoc/>
    public override TrainedAdapter Create(string name, LanguageModel model, JsonObject config, CounterRandom random) =>
        throw new NotSupportedException();

    /// <inheritdoc/>
    public override TrainedAdapter Read(string name, LanguageModel model, AdapterFile file) => throw new NotSupportedException();
}
