namespace Lorikeet.Kernels;

/// <summary>Q4_0: half d, 16 bytes of nibbles; d (q - 8). The value of largest magnitude becomes code 0: d = it / -8.</summary>
internal sealed class BlocksQ4_0() : BlockFormat("Q4_0", 2, 32, 18)
{
    private protected override void QuantiseBlock(ReadOnlySpan<float> from, Span<byte> to)
    {
        float scale = BlockCodes.Peak(from) / -8;
        Halves.Write(to, scale);
        Span<byte> codes = stackalloc byte[32];
        BlockCodes.Make(from, 0, BlockCodes.Inverse(scale), 8.5f, 15, codes);
        Nibbles.Pack(codes, to[2..]);
    }

    private protected override void DequantiseBlock(ReadOnlySpan<byte> from, Span<float> to)
    {
        float scale = Halves.Read(from);
        Span<byte> codes = stackalloc byte[32];
        Nibbles.Unpack(from[2..], codes);
        for (int i = 0; i < codes.Length; i++)
        {
            to[i] = (codes[i] - 8) * scale;
        }
    }
}
