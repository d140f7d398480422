namespace Lorikeet.Kernels;

/// <summary>Q5_0: half d, 32 codes of 5 bits; d (q - 16). The value of largest magnitude becomes code 0: d = it / -16.</summary>
internal sealed class BlocksQ5_0() : BlockFormat("Q5_0", 6, 32, 2 + FifthBits.Bytes)
{
    private protected override void QuantiseBlock(ReadOnlySpan<float> from, Span<byte> to)
    {
        float scale = BlockCodes.Peak(from) / -16;
        Halves.Write(to, scale);
        Span<byte> codes = stackalloc byte[32];
        BlockCodes.Make(from, 0, BlockCodes.Inverse(scale), 16.5f, 31, codes);
        FifthBits.Pack(codes, to[2..]);
    }

    private protected override void DequantiseBlock(ReadOnlySpan<byte> from, Span<float> to)
    {
        float scale = Halves.Read(from);
        Span<byte> codes = stackalloc byte[32];
        FifthBits.Unpack(from[2..], codes);
        for (int i = 0; i < codes.Length; i++)
        {
            to[i] = (codes[i] - 16) * scale;
        }
    }
}
