using System.Text;
using System.Text.Json.Nodes;
using Lorikeet.Models.Files;

namespace Lorikeet.Training;

/// <summary>Plain text: a file is one document, or several with a separator between them; a very long document is cut at line breaks.</summary>
internal static class PlainText
{
    /// <summary>The longest document that stays one, in bytes.</summary>
    public const int LongestPiece = 16 << 20;

    public static IEnumerable<DataRow> Read(string path, Stream stream, string? separator)
    {
        byte[] between = string.IsNullOrEmpty(separator) ? [] : Encoding.UTF8.GetBytes(separator);
        byte[] buffer = new byte[1 << 16];
        int filled = 0, line = 1;
        bool ended = false, begun = false;
        while (!ended || filled > 0)
        {
            while (!ended && filled < LongestPiece)
            {
                if (filled == buffer.Length)
                {
                    Array.Resize(ref buffer, 2 * buffer.Length);
                }
                int read = ByteLines.Read(path, stream, buffer.AsSpan(filled));
                ended = read == 0;
                filled += read;
            }
            int from = !begun && buffer.AsSpan(0, filled).StartsWith(Encoding.UTF8.Preamble) ? 3 : 0;
            begun = true;
            while (from < filled)
            {
                int taken = Cut(buffer.AsSpan(from, filled - from), between, ended, out int length);
                if (taken == 0)
                {
                    break;
                }
                if (length > 0)
                {
                    yield return Row(path, line, ByteLines.Decode(path, buffer.AsSpan(from, length), line));
                }
                line += buffer.AsSpan(from, taken).Count((byte)'\n');
                from += taken;
            }
            buffer.AsSpan(from, filled - from).CopyTo(buffer);
            filled -= from;
        }
    }

    /// <summary>How many bytes the next document takes with what follows it, and how many are text; 0: more must be read first.</summary>
    private static int Cut(ReadOnlySpan<byte> bytes, byte[] between, bool ended, out int length)
    {
        int at = between.Length > 0 ? bytes.IndexOf(between) : -1;
        if (at >= 0)
        {
            length = at;
            return at + between.Length;
        }
        length = bytes.Length;
        if (ended)
        {
            return length;
        }
        if (bytes.Length < LongestPiece)
        {
            length = 0;
            return 0;
        }
        // Longer than a piece: up to the last line break, else between two characters.
        int end = bytes.LastIndexOf((byte)'\n') + 1;
        for (end = end > LongestPiece / 2 ? end : bytes.Length - 4; end > 1 && (bytes[end] & 0xC0) == 0x80; end--)
        {
        }
        return length = end;
    }

    private static DataRow Row(string path, int line, string text)
    {
        JsonObject fields = new() { [RowLayout.Text] = text };
        return new DataRow($"{path}, line {line}", System.Text.Json.JsonSerializer.SerializeToElement(fields, DataJson.Default.JsonObject));
    }
}
