using System.Buffers;
using Lorikeet.Models.Files;
using Lorikeet.Tensors;

namespace Lorikeet.Models.Gguf;

/// <summary>A model's tensors from a GGUF file, under the names and in the order of rows of a folder of the hub.</summary>
internal sealed class GgufSource : ITensorSource
{
    private readonly GgufFile file;
    private readonly int headDim;
    private readonly Dictionary<string, (string Name, GgufName Module)> names = [];

    /// <summary>Begins to read.</summary>
    /// <param name="file">The file; the caller closes it when the model is built.</param>
    /// <param name="architecture">Its architecture.</param>
    /// <param name="config">Its configuration.</param>
    public GgufSource(GgufFile file, GgufArchitecture architecture, ModelConfig config)
    {
        this.file = file;
        headDim = config.HeadDim;
        foreach (GgufName module in architecture.AllModules(config.Layers))
        {
            foreach (string kind in (ReadOnlySpan<string>)[".weight", ".bias"])
            {
                names[module.Hub + kind] = (module.Gguf + kind, module);
            }
        }
    }

    /// <inheritdoc/>
    public bool Differ(string name, string other)
    {
        if (!TryFind(name, out GgufTensor? a, out _) || !TryFind(other, out GgufTensor? b, out _))
        {
            return false;
        }
        if (!a.Extents.SequenceEqual(b.Extents) || a.TypeId != b.TypeId)
        {
            return true;
        }
        for (long row = 0; row < a.Rows; row++)
        {
            if (!file.Bytes(a, row, 1).SequenceEqual(file.Bytes(b, row, 1)))
            {
                return true;
            }
        }
        return false;
    }

    /// <inheritdoc/>
    public bool Has(string name) => TryFind(name, out _, out _);

    /// <inheritdoc/>
    public int Rows(string name, int configured)
    {
        GgufTensor tensor = Find(name, out _);
        return tensor.Extents.Count == 2 && tensor.Rows is > 0 and <= int.MaxValue ? (int)tensor.Rows : throw Wrong(tensor, "a matrix");
    }

    /// <inheritdoc/>
    public Weight Matrix(string name, int outputs, int inputs)
    {
        GgufTensor tensor = Find(name, out GgufName module);
        if (tensor.Extents is not [var columns, var rows] || rows != outputs || columns != inputs)
        {
            throw Wrong(tensor, $"[{outputs}, {inputs}]");
        }
        if (module.Heads == GgufHeads.None)
        {
            return Weight(tensor, file.Bytes(tensor), outputs, inputs);
        }
        if (outputs % headDim != 0)
        {
            throw Wrong(tensor, $"whole heads of {headDim} rows");
        }
        byte[] ordered = ArrayPool<byte>.Shared.Rent((int)Math.Min(tensor.ByteLength, Array.MaxLength));
        try
        {
            ReadOnlySpan<byte> stored = file.Bytes(tensor);
            int row = stored.Length / outputs;
            for (int i = 0; i < outputs; i++)
            {
                stored.Slice(HeadRows.InFile(i, headDim) * row, row).CopyTo(ordered.AsSpan(i * row));
            }
            return Weight(tensor, ordered.AsSpan(0, stored.Length), outputs, inputs);
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(ordered);
        }
    }

    /// <inheritdoc/>
    public Parameter Vector(string name, int length)
    {
        GgufTensor tensor = Find(name, out GgufName module);
        if (tensor.Count != length || tensor.RowLength != length)
        {
            throw Wrong(tensor, $"[{length}]");
        }
        Tensor value = Storage.Zeros(new Shape(length));
        try
        {
            file.ReadSingle(tensor, 0, value.Span);
            if (module.Heads != GgufHeads.None)
            {
                float[] stored = value.Span.ToArray();
                for (int i = 0; i < length; i++)
                {
                    value.Span[i] = stored[HeadRows.InFile(i, headDim)];
                }
            }
        }
        catch
        {
            value.Free();
            throw;
        }
        return new Parameter(name, value, trainable: false);
    }

    private Weight Weight(GgufTensor tensor, ReadOnlySpan<byte> rows, int outputs, int inputs)
    {
        try
        {
            return Weights.FromBlocks(file.FormatOf(tensor), rows, outputs, inputs);
        }
        catch (InvalidDataException e)
        {
            throw new BadFileException($"{file.FilePath}: tensor {tensor.Name}: {e.Message}", e);
        }
    }

    private bool TryFind(string name, [System.Diagnostics.CodeAnalysis.NotNullWhen(true)] out GgufTensor? tensor, out GgufName module)
    {
        bool known = names.TryGetValue(name, out (string Name, GgufName Module) stored);
        module = stored.Module;
        tensor = null;
        return known && file.TryGet(stored.Name, out tensor);
    }

    private GgufTensor Find(string name, out GgufName module) =>
        TryFind(name, out GgufTensor? tensor, out module)
            ? tensor
            : throw new BadFileException($"{file.FilePath} has no tensor {(names.TryGetValue(name, out (string Name, GgufName Module) own) ? own.Name : name)}, which its metadata asks for.");

    private BadFileException Wrong(GgufTensor tensor, string expected) =>
        new($"{file.FilePath}: tensor {tensor.Name} is [{string.Join(", ", tensor.Shape)}]; its metadata asks for {expected}.");
}
