using Lorikeet.Kernels;
using Lorikeet.Models.Files;

namespace Lorikeet.Cli.Inspect;

/// <summary>A matrix in a safetensors file.</summary>
/// <param name="file">The file; it must stay open.</param>
/// <param name="tensor">The matrix in it.</param>
/// <param name="transposed">It is stored as [inputs, outputs].</param>
internal sealed class MappedTensor(SafetensorsFile file, StoredTensor tensor, bool transposed = false) : MappedWeight
{
    /// <inheritdoc/>
    public override int Outputs => (int)tensor.Shape[transposed ? 1 : 0];

    /// <inheritdoc/>
    public override int Inputs => (int)tensor.Shape[transposed ? 0 : 1];

    /// <summary>Bytes of memory that the matrix takes once it is loaded.</summary>
    public override long Bytes => PackedMatrix.ByteLength(Outputs, Inputs, SafetensorsFile.ToElementType(tensor.Type) ?? ElementType.F32);

    /// <inheritdoc/>
    public override string Format => tensor.Type.Name().ToLowerInvariant();

    /// <inheritdoc/>
    public override void Read(int row, Span<float> to)
    {
        if (!transposed)
        {
            file.ReadSingle(tensor, (long)row * Inputs, to[..Inputs]);
            return;
        }
        for (int i = 0; i < Inputs; i++)
        {
            file.ReadSingle(tensor, ((long)i * Outputs) + row, to.Slice(i, 1));
        }
    }
}
