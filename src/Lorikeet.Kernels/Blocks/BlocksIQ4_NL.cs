namespace Lorikeet.Kernels;

/// <summary>IQ4_NL: Q4_0 with uneven steps; half d, 16 bytes of nibbles; d table[q].</summary>
internal sealed class BlocksIQ4_NL() : BlockFormat("IQ4_NL", 20, 32, 18)
{
    private protected override void QuantiseBlock(ReadOnlySpan<float> from, Span<byte> to)
    {
        Span<byte> codes = stackalloc byte[32];
        Halves.Write(to, CurvedCodes.Find(from, 0, codes));
        Nibbles.Pack(codes, to[2..]);
    }

    private protected override void DequantiseBlock(ReadOnlySpan<byte> from, Span<float> to)
    {
        float d = Halves.Read(from);
        Span<byte> codes = stackalloc byte[32];
        Nibbles.Unpack(from[2..], codes);
        for (int i = 0; i < codes.Length; i++)
        {
            to[i] = d * CurvedCodes.Table[codes[i]];
        }
    }
}
