using System.Text;
using Lorikeet.Models.Files;

namespace Lorikeet.Training;

/// <summary>Bytes of a file as a buffer that is refilled; a byte order mark at the beginning is left out.</summary>
internal sealed class ByteLines(string path, Stream stream)
{
    /// <summary>The longest line or field that is read, in bytes.</summary>
    public const int Longest = 64 << 20;

    private static readonly UTF8Encoding Strict = new(false, throwOnInvalidBytes: true);
    private byte[] buffer = new byte[1 << 16];
    private int start, end;
    private bool begun, ended;

    /// <summary>The number of the line that was read last, from 1.</summary>
    public int Line { get; private set; }

    /// <summary>The next line without its line feed; false: there is none.</summary>
    public bool Next(out ReadOnlySpan<byte> line)
    {
        int searched = 0;
        while (true)
        {
            int at = buffer.AsSpan(start + searched, end - start - searched).IndexOf((byte)'\n');
            if (at >= 0)
            {
                line = buffer.AsSpan(start, searched + at);
                start += searched + at + 1;
                Line++;
                return true;
            }
            searched = end - start;
            if (searched > Longest)
            {
                throw new BadFileException($"{path}, line {Line + 1} has more than {Longest} bytes; at most these are read. Split the document.");
            }
            if (!Fill())
            {
                line = buffer.AsSpan(start, end - start);
                start = end;
                Line += line.IsEmpty ? 0 : 1;
                return !line.IsEmpty;
            }
        }
    }

    /// <summary>The text of bytes that begin in a line.</summary>
    /// <param name="path">The file.</param>
    /// <param name="bytes">The bytes.</param>
    /// <param name="line">The line they begin in.</param>
    public static string Decode(string path, ReadOnlySpan<byte> bytes, int line)
    {
        try
        {
            return Strict.GetString(bytes);
        }
        catch (DecoderFallbackException e)
        {
            int at = line + bytes[..Math.Clamp(e.Index, 0, bytes.Length)].Count((byte)'\n');
            throw new BadFileException($"{path}, line {at} is not UTF-8: {e.Message} Save the file as UTF-8.", e);
        }
    }

    private bool Fill()
    {
        if (ended)
        {
            return false;
        }
        if (start > 0)
        {
            buffer.AsSpan(start, end - start).CopyTo(buffer);
            (start, end) = (0, end - start);
        }
        if (end == buffer.Length)
        {
            Array.Resize(ref buffer, 2 * buffer.Length);
        }
        int read = Read(path, stream, buffer.AsSpan(end));
        ended = read == 0;
        end += read;
        if (!begun && (end >= 3 || ended))
        {
            begun = true;
            start = buffer.AsSpan(0, end).StartsWith(Encoding.UTF8.Preamble) ? 3 : 0;
        }
        return !ended;
    }

    /// <summary>Reads what there is, naming the file where that fails.</summary>
    public static int Read(string path, Stream stream, Span<byte> to)
    {
        try
        {
            return stream.Read(to);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new BadFileException($"{path} cannot be read: {e.Message}", e);
        }
    }
}
