using System.Text.Json.Nodes;
using Lorikeet.Models;
using Lorikeet.Tensors;

namespace Lorikeet.Adapters;

/// <summary>One way to parameterise, initialise, store and read a change of a model; one folder and one line in <see cref="AdapterMethods"/>.</summary>
/// <remarks>A method is made of <see cref="SiteAdapter"/>s. It never writes a base weight, and nothing outside its folder knows its name.</remarks>
public abstract class AdapterMethod
{
    /// <summary>The name on the command line, in lower case: <c>lora</c>.</summary>
    public abstract string Name { get; }

    /// <summary>What the method writes as <c>peft_type</c> in adapter_config.json.</summary>
    public abstract string PeftType { get; }

    /// <summary>One sentence that says what the method does.</summary>
    public abstract string Summary { get; }

    /// <summary>The paper.</summary>
    public abstract string Source { get; }

    /// <summary>How many numbers it trains in one linear layer, as a formula of <c>inputs</c>, <c>outputs</c> and its options: <c>r (inputs + outputs)</c>.</summary>
    /// <remarks>For readers; a product is written as a space. What an adapter promises is <see cref="TrainedAdapter.ExpectedParameterCount"/>.</remarks>
    public abstract string Formula { get; }

    /// <summary>The weight decay that suits most runs; 0 where parameters do not stand for "no change" at zero.</summary>
    public virtual double WeightDecay => 0.01;

    /// <summary>Its options, as adapter_config.json spells them.</summary>
    public abstract IReadOnlyList<MethodOption> Options { get; }

    /// <summary>The learning rate to begin with, for Adam-like optimisers; 2e-4 as in LoRA's papers where the method says nothing else.</summary>
    public virtual double LearningRate => 2e-4;

    /// <summary>True where this method reads and writes adapters of such a configuration.</summary>
    /// <param name="config">What adapter_config.json holds.</param>
    public abstract bool Reads(JsonObject config);

    /// <summary>A fresh adapter with the method's start values.</summary>
    /// <param name="name">The adapter's name.</param>
    /// <param name="model">The model it is made for.</param>
    /// <param name="config">Options under the keys of adapter_config.json; missing ones have their defaults.</param>
    /// <param name="random">Where start values come from; each tensor uses the stream of its own name.</param>
    /// <exception cref="Lorikeet.Models.Files.BadFileException">An option has a value it cannot have.</exception>
    /// <exception cref="NotSupportedException">An option is not built; the message names it.</exception>
    public abstract TrainedAdapter Create(string name, LanguageModel model, JsonObject config, CounterRandom random);

    /// <summary>An adapter from its files.</summary>
    /// <param name="name">The adapter's name.</param>
    /// <param name="model">The model it is used with.</param>
    /// <param name="file">The opened files; tensors that the method does not take are refused by the caller.</param>
    /// <exception cref="Lorikeet.Models.Files.BadFileException">The files contradict themselves or the model.</exception>
    /// <exception cref="NotSupportedException">The files need something that is not built; the message names it.</exception>
    public abstract TrainedAdapter Read(string name, LanguageModel model, AdapterFile file);
}

/// <summary>One option of a method.</summary>
/// <param name="Key">Its key in adapter_config.json.</param>
/// <param name="Default">Its default, as JSON.</param>
/// <param name="Meaning">What it does, in one sentence.</param>
public sealed record MethodOption(string Key, string Default, string Meaning);
