namespace Lorikeet.Kernels;

/// <summary>Q5_K: Q4_K with 32 bytes of fifth bits between scales and nibbles: the value at l of group g has bit g of byte l.</summary>
internal sealed class BlocksQ5_K() : BlockFormat("Q5_K", 13, 256, 176)
{
    private const int Fifth = 16, Codes = 48;

    private protected override void QuantiseBlock(ReadOnlySpan<float> from, Span<byte> to)
    {
        Span<byte> codes = stackalloc byte[256];
        SixBitScales.Quantise(from, new AffineSearch(31, -0.5f, 15, absolute: false), 31, to, codes);
        to.Slice(Fifth, 32).Clear();
        for (int i = 0; i < 256; i++)
        {
            to[Fifth + (i % 32)] |= (byte)(codes[i] >> 4 << (i / 32));
        }
        for (int i = 0; i < 128; i++)
        {
            int at = (i / 32 * 64) + (i % 32);
            to[Codes + i] = (byte)((codes[at] & 15) | (codes[at + 32] << 4));
        }
    }

    private protected override void DequantiseBlock(ReadOnlySpan<byte> from, Span<float> to)
    {
        float d = Halves.Read(from), dmin = Halves.Read(from[2..]);
        ReadOnlySpan<byte> fifth = from.Slice(Fifth, 32);
        for (int g = 0; g < 8; g++)
        {
            (int scale, int offset) = SixBitScales.Get(from.Slice(4, SixBitScales.Bytes), g);
            float ownScale = d * scale, ownOffset = dmin * offset;
            ReadOnlySpan<byte> codes = from.Slice(Codes + (g / 2 * 32), 32);
            Span<float> own = to.Slice(32 * g, 32);
            int shift = g % 2 * 4;
            for (int i = 0; i < own.Length; i++)
            {
                own[i] = (ownScale * (((codes[i] >> shift) & 15) | (((fifth[i] >> g) & 1) << 4))) - ownOffset;
            }
        }
    }
}
