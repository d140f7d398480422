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
    public override string Formula => "r (inputs + outputs)";

    /// <inheritdoc/>
    public override IReadOnlyList<MethodOption> Options => LoraOptions.All;

    /// <inheritdoc/>
    public override bool Reads(JsonObject config) => LoraOptions.IsLora(config);

    /// <inheritdoc/>
    public override TrainedAdapter Create(string name, LanguageModel model, JsonObject config, CounterRandom random)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(config);
        LoraSettings settings = new(new AdapterConfig(LoraOptions.Complete(config), AdapterFolder.ConfigName), model.Config.ModelType);
        if (settings.Start == LoraStartKind.Foreign)
        {
            throw settings.Config.Unsupported(
                $"init_lora_weights {config["init_lora_weights"]!.ToJsonString()} is read, but such a start is not built yet: use true, gaussian, orthogonal, pissa or olora");
        }
        return new LoraBuilder(name, model, this, settings, new StartMaker(settings.Start, random), null, random).Build();
    }

    /// <inheritdoc/>
    public override TrainedAdapter Read(string name, LanguageModel model, AdapterFile file)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(file);
        LoraSettings settings = new(file.Config, model.Config.ModelType);
        if (file.Keys.Count == 0)
        {
            throw file.Bad("there are no tensors in the file; expected lora_A and lora_B of each adapted module.");
        }
        KeySpelling.Apply(file, model);
        return new LoraBuilder(name, model, this, settings, new FileMaker(file), file).Build();
    }
}
