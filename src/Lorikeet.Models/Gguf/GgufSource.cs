using System.Buffers;
using Lorikeet.Models.Files;
using Lorikeet.Tensors;

namespace Lorikeet.Models.Gguf;

/// <summary>A model's tensors from a GGUF file, under the names and in the order of rows of a folder of the hub.</summary>
/// <param name="model">The file, opened; the caller closes it when the model is built.</param>
internal sealed class GgufSource(GgufModel model) : ITensorSource
{
    /// <inheritdoc/>
    public bool Differ(string name, string other)
    {
        if (!model.TryFind(name, out GgufTensor? a, out _) || !model.TryFind(other, out GgufTensor? b, out _))
        {
            return false;
        }
        if (!a.Extents.SequenceEqual(b.Extents) || a.TypeId != b.TypeId)
        {
            return true;
        }
        for (long row = 0; row < a.Rows; row++)
        {
            if (!model.File.Bytes(a, row, 1).SequenceEqual(model.File.Bytes(b, row, 1)))
            {
                return true;
            }
        }
        return false;
    }

    /// <inheritdoc/>
    public bool Has(string name) => model.TryFind(name, out _, out _);

    /// <inheritdoc/>
    public int Rows(string name, int configured) => model.Matrix(name).Outputs;

    /// <inheritdoc/>
    public Weight Matrix(string name, int outputs, int inputs)
    {
        GgufMatrix matrix = model.Matrix(name, outputs, inputs);
        GgufTensor tensor = matrix.Tensor;
        ReadOnlySpan<byte> stored = model.File.Bytes(tensor);
        byte[]? ordered = matrix.Permuted ? ArrayPool<byte>.Shared.Rent(stored.Length) : null;
        try
        {
            int row = stored.Length / outputs;
            for (int i = 0; ordered is not null && i < outputs; i++)
            {
                matrix.Row(i).CopyTo(ordered.AsSpan(i * row));
            }
            return Weights.FromBlocks(matrix.Format, ordered is null ? stored : ordered.AsSpan(0, stored.Length), outputs, inputs);
        }
        catch (InvalidDataException e)
        {
            throw new BadFileException($"{model.File.FilePath}: tensor {tensor.Name}: {e.Message}", e);
        }
        finally
        {
            if (ordered is not null)
            {
                ArrayPool<byte>.Shared.Return(ordered);
            }
        }
    }

    /// <inheritdoc/>
    public Parameter Vector(string name, int length)
    {
        Tensor value = Storage.Zeros(new Shape(length));
        try
        {
            model.ReadVector(name, value.Span);
        }
        catch
        {
            value.Free();
            throw;
        }
        return new Parameter(name, value, trainable: false);
    }
}
