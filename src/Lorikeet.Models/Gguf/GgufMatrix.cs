using Lorikeet.Kernels;
using Lorikeet.Models.Files;

namespace Lorikeet.Models.Gguf;

/// <summary>A matrix where it lies in a GGUF file, its rows in the order of a folder of the hub.</summary>
public sealed class GgufMatrix
{
    private readonly GgufFile file;
    private readonly int headDim;

    /// <summary>Finds the rows.</summary>
    /// <param name="file">The file; it must stay open.</param>
    /// <param name="tensor">The tensor.</param>
    /// <param name="headDim">Rows of a head, where rotated pairs lie side by side in the file; 0: rows are in order.</param>
    internal GgufMatrix(GgufFile file, GgufTensor tensor, int headDim)
    {
        this.file = file;
        this.headDim = headDim;
        Tensor = tensor;
        Format = file.FormatOf(tensor);
        bool fits = tensor.Extents.Count == 2 && tensor.Rows is > 0 and <= int.MaxValue && tensor.RowLength is > 0 and <= int.MaxValue;
        if (!fits || (headDim > 0 && tensor.Rows % headDim != 0))
        {
            throw new BadFileException($"{file.FilePath}: tensor {tensor.Name} is [{string.Join(", ", tensor.Shape)}]; expected a matrix{(headDim > 0 ? $" of whole heads of {headDim} rows" : "")}.");
        }
    }

    /// <summary>The tensor.</summary>
    public GgufTensor Tensor { get; }

    /// <summary>How rows are stored.</summary>
    public BlockFormat Format { get; }

    /// <summary>Rows.</summary>
    public int Outputs => (int)Tensor.Rows;

    /// <summary>Columns.</summary>
    public int Inputs => (int)Tensor.RowLength;

    /// <summary>True where the rows of the file are in another order.</summary>
    internal bool Permuted => headDim > 0;

    /// <summary>The bytes of a row.</summary>
    /// <param name="row">Its place in the order of the hub.</param>
    public ReadOnlySpan<byte> Row(int row) => file.Bytes(Tensor, headDim == 0 ? row : HeadRows.InFile(row, headDim), 1);

    /// <summary>A row as float32.</summary>
    /// <param name="row">Its place in the order of the hub.</param>
    /// <param name="to">Receives [inputs].</param>
    public void Read(int row, Span<float> to) => Format.Dequantise(Row(row), to[..Inputs]);
}
