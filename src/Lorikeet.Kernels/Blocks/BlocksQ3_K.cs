namespace Lorikeet.Kernels;

/// <summary>Q3_K: 16 groups of 16 values; 32 bytes of third bits, 64 bytes of 2 bits, 12 bytes of 6-bit scales, half d; d (sc - 32)(q - 4).</summary>
internal sealed class BlocksQ3_K() : BlockFormat("Q3_K", 11, 256, 110)
{
    private const int Groups = 16, Low = 32, Scales = 96, D = 108;

    private protected override void QuantiseBlock(ReadOnlySpan<float> from, Span<byte> to)
    {
        to.Clear();
        Span<float> scales = stackalloc float[Groups];
        for (int g = 0; g < Groups; g++)
        {
            scales[g] = SignedSearch.Refine(from.Slice(16 * g, 16), 4);
        }
        float peak = BlockCodes.Peak(scales);
        float inverse = peak == 0 ? 0 : -32 / peak;
        inverse = float.IsFinite(inverse) ? inverse : 0;
        float d = Halves.Write(to[D..], inverse == 0 ? 0 : 1 / inverse);
        Span<byte> codes = stackalloc byte[256];
        for (int g = 0; g < Groups; g++)
        {
            int scale = (int)Math.Clamp(MathF.Round(inverse * scales[g]), -32, 31);
            to[Scales + (g % 8)] |= (byte)(((scale + 32) & 15) << (g / 8 * 4));
            to[Scales + 8 + (g % 4)] |= (byte)((scale + 32) >> 4 << (g / 4 * 2));
            float own = d * scale;
            for (int i = 16 * g; i < 16 * (g + 1); i++)
            {
                codes[i] = own == 0 ? (byte)4 : (byte)(4 + Math.Clamp(MathF.Round(from[i] / own), -4, 3));
            }
        }
        TwoBits.Pack(codes, to[Low..]);
        for (int i = 0; i < 256; i++)
        {
            to[i % 32] |= (byte)(codes[i] >> 2 << (i / 32));
        }
    }

    private protected override void DequantiseBlock(ReadOnlySpan<byte> from, Span<float> to)
    {
        float d = Halves.Read(from[D..]);
        ReadOnlySpan<byte> packed = from.Slice(Scales, 12);
        Span<byte> codes = stackalloc byte[256];
        TwoBits.Unpack(from[Low..], codes);
        for (int g = 0; g < Groups; g++)
        {
            int low = (packed[g % 8] >> (g / 8 * 4)) & 15, high = (packed[8 + (g % 4)] >> (g / 4 * 2)) & 3;
            float scale = d * ((low | (high << 4)) - 32);
            for (int i = 16 * g; i < 16 * (g + 1); i++)
            {
                int third = (from[i % 32] >> (i / 32)) & 1;
                to[i] = scale * (codes[i] + (third << 2) - 4);
            }
        }
    }
}
