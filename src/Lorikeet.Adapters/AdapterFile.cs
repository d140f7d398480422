using System.Diagnostics.CodeAnalysis;
using System.Text.Json.Nodes;
using Lorikeet.Kernels;
using Lorikeet.Models.Files;
using Lorikeet.Tensors;

namespace Lorikeet.Adapters;

/// <summary>An adapter folder opened for reading: its configuration, and its tensors, which a method takes one by one.</summary>
/// <remarks>Keys are whole names as PEFT writes them, <c>base_model.model.</c> included. What nobody takes is refused in the end.</remarks>
public sealed class AdapterFile : IDisposable
{
    /// <summary>What PEFT puts before the path of a module.</summary>
    public const string Prefix = "base_model.model.";

    private readonly IStoredTensors file;
    private readonly Dictionary<string, StoredTensor> left;

    internal AdapterFile(JsonObject config, string configPath, IStoredTensors file, List<string> warnings)
    {
        this.file = file;
        Config = new AdapterConfig(config, configPath);
        Warnings = warnings;
        left = file.Tensors.ToDictionary(t => t.Name);
    }

    /// <summary>What adapter_config.json holds.</summary>
    public AdapterConfig Config { get; }

    /// <summary>What a user should know, one line each; methods add to it.</summary>
    public IList<string> Warnings { get; }

    /// <summary>The path of the tensors' file.</summary>
    public string Path => file.FilePath;

    /// <summary>The tensors that nobody has taken yet.</summary>
    public IReadOnlyCollection<string> Keys => left.Keys;

    /// <summary>True where a tensor is there and not taken yet.</summary>
    /// <param name="key">Its whole name.</param>
    public bool Has(string key) => left.ContainsKey(key);

    /// <summary>What is known of a tensor without reading it.</summary>
    /// <param name="key">Its whole name.</param>
    /// <param name="tensor">Type and shape.</param>
    public bool TryGet(string key, [NotNullWhen(true)] out StoredTensor? tensor) => left.TryGetValue(key, out tensor);

    /// <summary>Takes a tensor as a parameter.</summary>
    /// <param name="key">Its whole name, which becomes the parameter's.</param>
    /// <param name="shape">The shape it must have in the file, one or two axes.</param>
    /// <param name="type">The type it is stored in: write it back the same way.</param>
    /// <exception cref="BadFileException">It is missing, of another shape or type, or holds a number that is not finite.</exception>
    public Parameter Take(string key, Shape shape, out StoredType type)
    {
        if (!left.TryGetValue(key, out StoredTensor? tensor))
        {
            throw Bad($"{key} is missing; expected {shape}.");
        }
        Check(tensor, shape);
        type = tensor.Type == StoredType.F64 ? StoredType.F32 : tensor.Type;
        Tensor value = Storage.Zeros(shape);
        try
        {
            file.ReadSingle(tensor, value.Span);
            CheckFinite(tensor, value);
        }
        catch
        {
            value.Free();
            throw;
        }
        left.Remove(key);
        return new Parameter(key, value);
    }

    /// <summary>Takes a tensor's bytes as they are, to be written back unchanged.</summary>
    /// <param name="key">Its whole name.</param>
    public TensorToWrite TakeRaw(string key)
    {
        TensorToWrite tensor = Peek(key);
        left.Remove(key);
        return tensor;
    }

    /// <summary>A tensor's bytes as they are, without taking it.</summary>
    /// <param name="key">Its whole name.</param>
    internal TensorToWrite Peek(string key)
    {
        if (!left.TryGetValue(key, out StoredTensor? tensor))
        {
            throw Bad($"{key} is missing.");
        }
        byte[] bytes = file.Bytes(tensor).ToArray();
        return new TensorToWrite(key, tensor.Type, tensor.Shape, to => to.Write(bytes));
    }

    /// <summary>Gives a tensor another name, for the spellings of older releases.</summary>
    /// <param name="key">Its present name.</param>
    /// <param name="name">The name it should have.</param>
    internal void Rename(string key, string name)
    {
        StoredTensor tensor = left[key];
        if (!left.TryAdd(name, tensor))
        {
            throw Bad($"{key} and {name} are spellings of one tensor; expected one of them.");
        }
        left.Remove(key);
    }

    /// <summary>An error that names the file.</summary>
    /// <param name="message">What is wrong.</param>
    public BadFileException Bad(string message) => new($"{Path}: {message}");

    /// <inheritdoc/>
    public void Dispose() => file.Dispose();

    private void Check(StoredTensor tensor, Shape shape)
    {
        bool fits = tensor.Shape.Count == shape.Rank;
        for (int i = 0; fits && i < shape.Rank; i++)
        {
            fits = tensor.Shape[i] == shape[i];
        }
        if (!fits)
        {
            throw Bad($"{tensor.Name} is [{string.Join(", ", tensor.Shape)}], the base layer needs {shape}.");
        }
        if (tensor.Type is not (StoredType.F32 or StoredType.F16 or StoredType.BF16 or StoredType.F64))
        {
            throw Bad($"{tensor.Name} is {tensor.Type.Name()}; expected F32, F16 or BF16.");
        }
    }

    private void CheckFinite(StoredTensor tensor, in Tensor value)
    {
        Span<float> values = value.Span;
        if (Reduce.AllFinite(values))
        {
            return;
        }
        for (int i = 0; i < values.Length; i++)
        {
            if (!float.IsFinite(values[i]))
            {
                string place = value.Shape.Rank == 2 ? $"[{i / value.Width},{i % value.Width}]" : $"[{i}]";
                throw Bad($"{tensor.Name}{place} is {(float.IsNaN(values[i]) ? "NaN" : "infinite")}; expected finite numbers.");
            }
        }
    }
}
