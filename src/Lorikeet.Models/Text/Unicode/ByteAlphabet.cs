namespace Lorikeet.Models.Text.Unicode;

/// <summary>GPT-2's printable stand-ins for the 256 bytes: printable Latin-1 characters are themselves, the others U+0100 and up (a space is Ġ).</summary>
internal static class ByteAlphabet
{
    private static readonly char[] Characters = new char[256];
    private static readonly short[] Bytes = new short[0x144];

    static ByteAlphabet()
    {
        Bytes.AsSpan().Fill(-1);
        char next = '\u0100';
        for (int b = 0; b < 256; b++)
        {
            bool printable = b is (>= 0x21 and <= 0x7E) or (>= 0xA1 and <= 0xAC) or (>= 0xAE and <= 0xFF);
            Characters[b] = printable ? (char)b : next++;
            Bytes[Characters[b]] = (short)b;
        }
    }

    /// <summary>The character that stands for a byte.</summary>
    public static char ToChar(byte value) => Characters[value];

    /// <summary>The byte a character stands for; -1 for a character outside the alphabet.</summary>
    public static int ToByte(char c) => c < Bytes.Length ? Bytes[c] : -1;
}
