using Lorikeet.Kernels;
using Lorikeet.Models.Gguf;

namespace Lorikeet.Cli.Inspect;

/// <summary>A matrix in a GGUF file.</summary>
/// <param name="matrix">The matrix; its file must stay open.</param>
internal sealed class MappedBlocks(GgufMatrix matrix) : MappedWeight
{
    /// <inheritdoc/>
    public override int Outputs => matrix.Outputs;

    /// <inheritdoc/>
    public override int Inputs => matrix.Inputs;

    /// <inheritdoc/>
    public override long Bytes => matrix.Tensor.ByteLength;

    /// <inheritdoc/>
    public override string Format => matrix.Format.Name.ToLowerInvariant();

    /// <inheritdoc/>
    public override BlockFormat? Blocks => matrix.Format.Values > 1 ? matrix.Format : null;

    /// <inheritdoc/>
    public override void Read(int row, Span<float> to) => matrix.Read(row, to);

    /// <inheritdoc/>
    public override void ReadBlocks(int row, Span<byte> to) => matrix.Row(row).CopyTo(to);
}
