namespace Lorikeet.Kernels;

/// <summary>Q5_1: half d, half m, 32 codes of 5 bits; d q + m. m = smallest value, d = (largest - smallest) / 31.</summary>
internal sealed class BlocksQ5_1() : BlockFormat("Q5_1", 7, 32, 4 + FifthBits.Bytes)
{
    private protected override void QuantiseBlock(ReadOnlySpan<float> from, Span<byte> to)
    {
        (float smallest, float largest) = BlockCodes.Range(from);
        float scale = (largest - smallest) / 31;
        Halves.Write(to, scale);
        Halves.Write(to[2..], smallest);
        Span<byte> codes = stackalloc byte[32];
        BlockCodes.Make(from, smallest, BlockCodes.Inverse(scale), 0.5f, 31, codes);
        FifthBits.Pack(codes, to[4..]);
    }

    private protected override void DequantiseBlock(ReadOnlySpan<byte> from, Span<float> to)
    {
        float scale = Halves.Read(from), offset = Halves.Read(from[2..]);
        Span<byte> codes = stackalloc byte[32];
        FifthBits.Unpack(from[4..], codes);
        for (int i = 0; i < codes.Length; i++)
        {
            to[i] = (codes[i] * scale) + offset;
        }
    }
}
