namespace Lorikeet.Kernels;

/// <summary>256 codes of 2 bits in 64 bytes: value 128 a + 32 s + l is bits 2 s of byte 32 a + l.</summary>
internal static class TwoBits
{
    public static void Pack(ReadOnlySpan<byte> codes, Span<byte> to)
    {
        for (int i = 0; i < 64; i++)
        {
            int at = (i / 32 * 128) + (i % 32);
            to[i] = (byte)((codes[at] & 3) | ((codes[at + 32] & 3) << 2) | ((codes[at + 64] & 3) << 4) | ((codes[at + 96] & 3) << 6));
        }
    }

    public static void Unpack(ReadOnlySpan<byte> from, Span<byte> codes)
    {
        for (int i = 0; i < 64; i++)
        {
            int at = (i / 32 * 128) + (i % 32);
            int four = from[i];
            codes[at] = (byte)(four & 3);
            codes[at + 32] = (byte)((four >> 2) & 3);
            codes[at + 64] = (byte)((four >> 4) & 3);
            codes[at + 96] = (byte)(four >> 6);
        }
    }
}
