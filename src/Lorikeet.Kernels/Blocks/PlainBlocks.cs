namespace Lorikeet.Kernels;

/// <summary>Numbers one by one; rounding is <see cref="Casting"/>'s.</summary>
internal sealed class PlainBlocks(string name, int id, ElementType type) : BlockFormat(name, id, 1, type.Size())
{
    private protected override void QuantiseBlocks(ReadOnlySpan<float> from, Span<byte> to) => Casting.FromSingle(from, type, to);

    private protected override void DequantiseBlocks(ReadOnlySpan<byte> from, Span<float> to) => Casting.ToSingle(from, type, to);

    private protected override void QuantiseBlock(ReadOnlySpan<float> from, Span<byte> to) => QuantiseBlocks(from, to);

    private protected override void DequantiseBlock(ReadOnlySpan<byte> from, Span<float> to) => DequantiseBlocks(from, to);
}
