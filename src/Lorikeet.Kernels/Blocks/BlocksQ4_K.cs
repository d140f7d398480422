namespace Lorikeet.Kernels;

/// <summary>Q4_K: 8 groups of 32 values; half d, half dmin, 12 bytes of scales and offsets, 128 bytes of nibbles; d sc q - dmin mn.</summary>
internal sealed class BlocksQ4_K() : BlockFormat("Q4_K", 12, 256, 144)
{
    private const int Codes = 16;

    private protected override void QuantiseBlock(ReadOnlySpan<float> from, Span<byte> to)
    {
        Span<byte> codes = stackalloc byte[256];
        SixBitScales.Quantise(from, new AffineSearch(15, -1f, 20, absolute: false), 15, to, codes);
        for (int i = 0; i < 128; i++)
        {
            int at = (i / 32 * 64) + (i % 32);
            to[Codes + i] = (byte)(codes[at] | (codes[at + 32] << 4));
        }
    }

    private protected override void DequantiseBlock(ReadOnlySpan<byte> from, Span<float> to)
    {
        float d = Halves.Read(from), dmin = Halves.Read(from[2..]);
        for (int g = 0; g < 8; g++)
        {
            (int scale, int offset) = SixBitScales.Get(from.Slice(4, SixBitScales.Bytes), g);
            float ownScale = d * scale, ownOffset = dmin * offset;
            ReadOnlySpan<byte> codes = from.Slice(Codes + (g / 2 * 32), 32);
            Span<float> own = to.Slice(32 * g, 32);
            int shift = g % 2 * 4;
            for (int i = 0; i < own.Length; i++)
            {
                own[i] = (ownScale * ((codes[i] >> shift) & 15)) - ownOffset;
            }
        }
    }
}
