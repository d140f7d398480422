using System.Diagnostics.CodeAnalysis;
using System.Runtime.InteropServices;
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
    private readonly List<Parameter> taken = [];

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

    /// <summary>Takes a tensor as a parameter, whose numbers are read when its value is first asked for.</summary>
    /// <param name="key">Its whole name, which becomes the parameter's.</param>
    /// <param name="shape">The shape it must have in the file, one or two axes.</param>
    /// <param name="type">The type it is stored in: write it back the same way.</param>
    /// <exception cref="BadFileException">It is missing, or of another shape or type; from its value: it holds a number that is not finite.</exception>
    public Parameter Take(string key, Shape shape, out StoredType type)
    {
        if (!left.TryGetValue(key, out StoredTensor? tensor))
        {
            throw Bad($"{key} is missing; expected {shape}.");
        }
        Check(tensor, shape);
        type = tensor.Type == StoredType.F64 ? StoredType.F32 : tensor.Type;
        left.Remove(key);
        Parameter parameter = new(key, shape, new Source(this, tensor));
        taken.Add(parameter);
        return parameter;
    }

    /// <summary>Reads all that was taken and not read, used up or freed yet: from then on nothing needs the file.</summary>
    /// <exception cref="BadFileException">A number is not finite, or the file was shortened.</exception>
    public void ReadTaken()
    {
        foreach (Parameter parameter in taken)
        {
            _ = parameter.Value;
        }
        taken.Clear();
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

    private BadFileException NotFinite(StoredTensor tensor)
    {
        float[] values = new float[tensor.Count];
        file.ReadSingle(tensor, values);
        int i = Array.FindIndex(values, value => !float.IsFinite(value));
        long width = tensor.Shape[^1];
        return i < 0
            ? Bad($"{tensor.Name} changed while it was read.")
            : Bad($"{tensor.Name}[{(tensor.Shape.Count == 2 ? $"{i / width}," : "")}{i % width}] is {(float.IsNaN(values[i]) ? "NaN" : "infinite")}; expected finite numbers.");
    }

    /// <summary>A tensor of the file that was taken as a parameter, and is read when it is needed.</summary>
    private sealed class Source(AdapterFile owner, StoredTensor tensor) : IParameterSource
    {
        // Half precision and double precision are read as float32.
        public ElementType Type => tensor.Type == StoredType.BF16 ? ElementType.BF16 : ElementType.F32;

        public void Read(Span<byte> to)
        {
            if (tensor.Type is StoredType.BF16 or StoredType.F32)
            {
                owner.file.Read(tensor, to);
            }
            else
            {
                owner.file.ReadSingle(tensor, MemoryMarshal.Cast<byte, float>(to));
            }
            if (!Reduce.AllFinite(to, Type))
            {
                throw owner.NotFinite(tensor);
            }
        }
    }
}
