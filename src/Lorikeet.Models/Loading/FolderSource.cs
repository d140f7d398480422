using System.Buffers;
using System.Runtime.InteropServices;
using System.Text.Json.Nodes;
using Lorikeet.Kernels;
using Lorikeet.Models.Files;
using Lorikeet.Tensors;

namespace Lorikeet.Models;

/// <summary>A model's tensors from its safetensors files: each is checked, packed once, and the file can be closed then.</summary>
/// <param name="folder">The files; the caller closes them when the model is built.</param>
/// <param name="config">What config.json holds, for matrices that are stored in parts; null: none are.</param>
/// <remarks>Matrices are kept as stored: f32, bf16, f16 (f64 becomes f32), four bits of bitsandbytes, or factors (<see cref="FactoredFiles"/>).</remarks>
public sealed class FolderSource(TensorFolder folder, JsonObject? config = null) : ITensorSource
{
    /// <inheritdoc/>
    public bool Differ(string name, string other)
    {
        if (!folder.TryGet(name, out StoredTensor? a, out SafetensorsFile? aFile) || !folder.TryGet(other, out StoredTensor? b, out SafetensorsFile? bFile))
        {
            return false;
        }
        if (!a.Shape.SequenceEqual(b.Shape))
        {
            return true;
        }
        if (a.Type == b.Type)
        {
            return !aFile.Bytes(a).SequenceEqual(bFile.Bytes(b));
        }
        using PooledFloats aValues = new(aFile, a), bValues = new(bFile, b);
        return !aValues.Span.SequenceEqual(bValues.Span);
    }

    /// <inheritdoc/>
    public int Rows(string name, int configured)
    {
        if (!folder.TryGet(name, out StoredTensor? tensor, out _) && FactoredFiles.Rows(folder, name) is { } rows)
        {
            return rows;
        }
        tensor ??= Find(name, out _);
        return tensor.Shape is [> 0 and <= int.MaxValue, _]
            ? (int)tensor.Shape[0]
            : throw Wrong(name, tensor, "a matrix");
    }

    /// <inheritdoc/>
    public bool Has(string name) => folder.TryGet(name, out _, out _);

    /// <inheritdoc/>
    public Weight Matrix(string name, int outputs, int inputs) => Matrix(name, outputs, inputs, transposed: false);

    /// <inheritdoc/>
    public Weight Transposed(string name, int outputs, int inputs) => Matrix(name, outputs, inputs, transposed: true);

    /// <inheritdoc/>
    public Parameter Vector(string name, int length) => Vector(name, [length]);

    /// <inheritdoc/>
    public Parameter Vector(string name, int rows, int columns) => Vector(name, [rows, columns]);

    private Parameter Vector(string name, long[] shape)
    {
        StoredTensor tensor = Find(name, out SafetensorsFile file);
        if (!tensor.Shape.SequenceEqual(shape))
        {
            throw Wrong(name, tensor, $"[{string.Join(", ", shape)}]");
        }
        Tensor value = Storage.Zeros(new Shape(checked((int)tensor.Count)));
        try
        {
            file.ReadSingle(tensor, value.Span);
        }
        catch
        {
            value.Free();
            throw;
        }
        return new Parameter(name, value, trainable: false);
    }

    private Weight Matrix(string name, int outputs, int inputs, bool transposed)
    {
        if (FactoredFiles.TryRead(folder, name, outputs, inputs, config) is { } factored)
        {
            return factored;
        }
        StoredTensor tensor = Find(name, out SafetensorsFile file);
        // Whatever the layer's own order, bitsandbytes stores [outputs, inputs].
        if (BitsAndBytes.TryRead(folder, name, outputs, inputs) is { } coded)
        {
            return coded;
        }
        (int rows, int columns) = transposed ? (inputs, outputs) : (outputs, inputs);
        if (tensor.Shape is not [var storedRows, var storedColumns] || storedRows != rows || storedColumns != columns)
        {
            throw Wrong(name, tensor, $"[{rows}, {columns}]");
        }
        if (SafetensorsFile.ToElementType(tensor.Type) is { } type)
        {
            return new DenseWeight(file.Bytes(tensor), type, outputs, inputs, type, transposed);
        }
        using PooledFloats values = new(file, tensor);
        return new DenseWeight(MemoryMarshal.AsBytes(values.Span), ElementType.F32, outputs, inputs, ElementType.F32, transposed);
    }

    private StoredTensor Find(string name, out SafetensorsFile file)
    {
        if (!folder.TryGet(name, out StoredTensor? tensor, out SafetensorsFile? found))
        {
            throw new BadFileException($"{folder.Folder} has no tensor {name}, which config.json asks for. Do the weights belong to this configuration?");
        }
        file = found;
        return tensor;
    }

    private BadFileException Wrong(string name, StoredTensor tensor, string expected) =>
        new($"{folder.Folder}: tensor {name} is [{string.Join(", ", tensor.Shape)}]; config.json asks for {expected}.");

    private readonly struct PooledFloats : IDisposable
    {
        private readonly float[] array;
        private readonly int count;

        public PooledFloats(SafetensorsFile file, StoredTensor tensor)
        {
            // A tensor whose bytes one span holds has no more numbers than one, either.
            _ = file.Bytes(tensor);
            count = (int)tensor.Count;
            array = ArrayPool<float>.Shared.Rent(count);
            file.ReadSingle(tensor, Span);
        }

        public Span<float> Span => array.AsSpan(0, count);

        public void Dispose() => ArrayPool<float>.Shared.Return(array);
    }
}
