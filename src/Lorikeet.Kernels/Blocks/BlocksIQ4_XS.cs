using System.Buffers.Binary;

namespace Lorikeet.Kernels;

/// <summary>IQ4_XS: 8 groups of 32 values with uneven steps; half d, 16 bits and 4 bytes of 6-bit scales, 128 bytes; d (sc - 32) table[q].</summary>
internal sealed class BlocksIQ4_XS() : BlockFormat("IQ4_XS", 23, 256, 136)
{
    private const int Groups = 8, Low = 4, Codes = 8;

    private protected override void QuantiseBlock(ReadOnlySpan<float> from, Span<byte> to)
    {
        to.Clear();
        Span<float> scales = stackalloc float[Groups];
        Span<byte> codes = stackalloc byte[32];
        for (int g = 0; g < Groups; g++)
        {
            scales[g] = CurvedCodes.Find(from.Slice(32 * g, 32), 7, codes);
        }
        float d = -BlockCodes.Peak(scales) / 32;
        float inverse = BlockCodes.Inverse(d);
        if (inverse == 0 || !float.IsFinite(inverse))
        {
            return;
        }
        Halves.Write(to, d);
        int high = 0;
        for (int g = 0; g < Groups; g++)
        {
            int scale = (int)Math.Clamp(MathF.Round(inverse * scales[g]), -32, 31);
            to[Low + (g / 2)] |= (byte)(((scale + 32) & 15) << (g % 2 * 4));
            high |= (scale + 32) >> 4 << (2 * g);
            CurvedCodes.Encode(from.Slice(32 * g, 32), BlockCodes.Inverse(d * scale), codes);
            Nibbles.Pack(codes, to[(Codes + (16 * g))..]);
        }
        BinaryPrimitives.WriteUInt16LittleEndian(to[2..], (ushort)high);
    }

    private protected override void DequantiseBlock(ReadOnlySpan<byte> from, Span<float> to)
    {
        float d = Halves.Read(from);
        int high = BinaryPrimitives.ReadUInt16LittleEndian(from[2..]);
        Span<byte> codes = stackalloc byte[32];
        for (int g = 0; g < Groups; g++)
        {
            int scale = ((from[Low + (g / 2)] >> (g % 2 * 4)) & 15) | (((high >> (2 * g)) & 3) << 4);
            float own = d * (scale - 32);
            Nibbles.Unpack(from[(Codes + (16 * g))..], codes);
            Span<float> values = to.Slice(32 * g, 32);
            for (int i = 0; i < codes.Length; i++)
            {
                values[i] = own * CurvedCodes.Table[codes[i]];
            }
        }
    }
}
