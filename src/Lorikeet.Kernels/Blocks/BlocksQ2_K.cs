using System.Runtime.Intrinsics;

namespace Lorikeet.Kernels;

/// <summary>Q2_K: 16 groups of 16 values; a byte of scale (low nibble) and offset (high) each, codes of 2 bits, half d, half dmin; d sc q - dmin mn.</summary>
internal sealed class BlocksQ2_K() : BlockFormat("Q2_K", 10, 256, 84)
{
    private const int Groups = 16, Codes = 16, D = 80, Most = 15;

    private protected override void QuantiseBlock(ReadOnlySpan<float> from, Span<byte> to)
    {
        Span<Vector256<float>> values = stackalloc Vector256<float>[16], weights = stackalloc Vector256<float>[16];
        Span<float> scales = stackalloc float[Groups], offsets = stackalloc float[Groups];
        for (int half = 0; half < 2; half++)
        {
            EightGroups.Load(from.Slice(128 * half, 128), values);
            for (int i = 0; i < weights.Length; i++)
            {
                weights[i] = Vector256.Abs(values[i]);
            }
            new AffineSearch(3, -0.5f, 15, absolute: true).Find(values, weights, out Vector256<float> found).CopyTo(scales[(8 * half)..]);
            found.CopyTo(offsets[(8 * half)..]);
        }
        float largestScale = Math.Max(0, BlockCodes.Range(scales).Largest), largestOffset = Math.Max(0, BlockCodes.Range(offsets).Largest);
        float d = Halves.Write(to[D..], largestScale / Most), dmin = Halves.Write(to[(D + 2)..], largestOffset / Most);
        Span<byte> codes = stackalloc byte[256];
        for (int g = 0; g < Groups; g++)
        {
            int scale = SixBitScales.Code(scales[g], largestScale, Most), offset = SixBitScales.Code(offsets[g], largestOffset, Most);
            to[g] = (byte)(scale | (offset << 4));
            SixBitScales.Encode(from.Slice(16 * g, 16), d * scale, dmin * offset, 3, codes.Slice(16 * g, 16));
        }
        TwoBits.Pack(codes, to[Codes..]);
    }

    private protected override void DequantiseBlock(ReadOnlySpan<byte> from, Span<float> to)
    {
        float d = Halves.Read(from[D..]), dmin = Halves.Read(from[(D + 2)..]);
        Span<byte> codes = stackalloc byte[256];
        TwoBits.Unpack(from[Codes..], codes);
        for (int g = 0; g < Groups; g++)
        {
            float scale = d * (from[g] & 15), offset = dmin * (from[g] >> 4);
            for (int i = 16 * g; i < 16 * (g + 1); i++)
            {
                to[i] = (scale * codes[i]) - offset;
            }
        }
    }
}
