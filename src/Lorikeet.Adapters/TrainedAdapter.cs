using System.Text.Json.Nodes;
using Lorikeet.Models;
using Lorikeet.Models.Files;
using Lorikeet.Tensors;

namespace Lorikeet.Adapters;

/// <summary>An adapter that can be trained and saved: its changes, its configuration, and which parameter is which tensor of its file.</summary>
public class TrainedAdapter : Adapter
{
    private readonly List<Stored> stored = [];

    /// <summary>An adapter without changes.</summary>
    /// <param name="name">Its name in messages and requests.</param>
    /// <param name="model">The model it is made for.</param>
    /// <param name="method">Its method.</param>
    /// <param name="config">What adapter_config.json will say; the adapter owns it.</param>
    public TrainedAdapter(string name, LanguageModel model, AdapterMethod method, JsonObject config)
        : base(name, model)
    {
        Method = method;
        Config = config;
    }

    /// <summary>Its method.</summary>
    public AdapterMethod Method { get; }

    /// <summary>What adapter_config.json will say, unknown keys included.</summary>
    public JsonObject Config { get; }

    /// <summary>What adapter_config.json says, where its files are not the adapter as it is trained.</summary>
    public virtual JsonObject FileConfig => Config;

    /// <summary>What a user should know about the files it was read from, one line each.</summary>
    public IReadOnlyList<string> Warnings { get; init; } = [];

    /// <summary>The paths of the modules that the method itself changes (not biases or modules saved whole), in the model's order.</summary>
    public IReadOnlyList<string> AdaptedModules { get; init; } = [];

    /// <summary>How many trained numbers the method's formula promises, and those of a classification head; <see cref="Adapter.ParameterCount"/> must equal it.</summary>
    public long ExpectedParameterCount
    {
        get => field + (Classifier?.Weight.Shape.Length ?? 0);
        init;
    }

    /// <summary>The trained parameters under the names of their tensors; one that is stored under two names comes twice.</summary>
    public IEnumerable<(string Key, Parameter Parameter)> NamedParameters
    {
        get
        {
            foreach (Stored tensor in stored)
            {
                if (tensor.Parameter is not null)
                {
                    yield return (tensor.Write.Name, tensor.Parameter);
                }
            }
        }
    }

    /// <summary>The tensors of adapter_model.safetensors, ordered by name.</summary>
    public virtual IReadOnlyList<TensorToWrite> FileTensors =>
        [.. stored.Select(s => s.Write).OrderBy(t => t.Name, StringComparer.Ordinal)];

    /// <summary>Says which tensor of the file a parameter is.</summary>
    /// <param name="key">The whole name, for example <c>base_model.model.model.layers.0.self_attn.q_proj.lora_A.weight</c>.</param>
    /// <param name="parameter">The parameter.</param>
    /// <param name="type">F32, BF16 or F16.</param>
    /// <param name="shape">The shape in the file; null: the parameter's.</param>
    public void Store(string key, Parameter parameter, StoredType type = StoredType.F32, IReadOnlyList<long>? shape = null)
    {
        ArgumentNullException.ThrowIfNull(parameter);
        long[] own = new long[parameter.Shape.Rank];
        for (int i = 0; i < own.Length; i++)
        {
            own[i] = parameter.Shape[i];
        }
        // Copied at the moment of writing: an optimiser changes values in place.
        stored.Add(new Stored(
            new TensorToWrite(key, type, shape ?? own, to => TensorToWrite.Single(key, shape ?? own, parameter.Value.Span.ToArray(), type).Write(to)),
            parameter));
    }

    /// <summary>Adds a tensor that is written as it is: buffers, codes, tensors a file brought that have no effect.</summary>
    /// <param name="tensor">The tensor.</param>
    public void Store(TensorToWrite tensor) => stored.Add(new Stored(tensor, null));

    private sealed record Stored(TensorToWrite Write, Parameter? Parameter);
}
