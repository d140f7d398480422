using System.Buffers.Binary;

namespace Lorikeet.Kernels;

/// <summary>Codes of 5 bits: four bytes with the fifth bit of value j as bit j, then nibbles.</summary>
internal static class FifthBits
{
    /// <summary>Bytes of 32 codes.</summary>
    public const int Bytes = 20;

    public static void Pack(ReadOnlySpan<byte> codes, Span<byte> to)
    {
        uint bits = 0;
        for (int i = 0; i < 32; i++)
        {
            bits |= (uint)(codes[i] >> 4) << i;
        }
        BinaryPrimitives.WriteUInt32LittleEndian(to, bits);
        Nibbles.Pack(codes, to[4..]);
    }

    public static void Unpack(ReadOnlySpan<byte> from, Span<byte> codes)
    {
        uint bits = BinaryPrimitives.ReadUInt32LittleEndian(from);
        Nibbles.Unpack(from[4..], codes);
        for (int i = 0; i < 32; i++)
        {
            codes[i] |= (byte)(((bits >> i) & 1) << 4);
        }
    }
}
