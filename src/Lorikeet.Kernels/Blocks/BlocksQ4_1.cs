namespace Lorikeet.Kernels;

/// <summary>Q4_1: half d, half m, 16 bytes of nibbles; d q + m. m = smallest value, d = (largest - smallest) / 15.</summary>
internal sealed class BlocksQ4_1() : BlockFormat("Q4_1", 3, 32, 20)
{
    private protected override void QuantiseBlock(ReadOnlySpan<float> from, Span<byte> to)
    {
        (float smallest, float largest) = BlockCodes.Range(from);
        float scale = (largest - smallest) / 15;
        Halves.Write(to, scale);
        Halves.Write(to[2..], smallest);
        Span<byte> codes = stackalloc byte[32];
        BlockCodes.Make(from, smallest, BlockCodes.Inverse(scale), 0.5f, 15, codes);
        Nibbles.Pack(codes, to[4..]);
    }

    private protected override void DequantiseBlock(ReadOnlySpan<byte> from, Span<float> to)
    {
        float scale = Halves.Read(from), offset = Halves.Read(from[2..]);
        Span<byte> codes = stackalloc byte[32];
        Nibbles.Unpack(from[4..], codes);
        for (int i = 0; i < codes.Length; i++)
        {
            to[i] = (codes[i] * scale) + offset;
        }
    }
}
