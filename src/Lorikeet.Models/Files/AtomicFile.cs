using System.Text;

namespace Lorikeet.Models.Files;

/// <summary>Writes a file whole or not at all: to a temporary name in the same folder, flushed to disk, then renamed.</summary>
public static class AtomicFile
{
    private static readonly UTF8Encoding StrictUtf8 = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    /// <summary>Writes a file; when <paramref name="write"/> or the disk fails the temporary file is deleted and an older file stays as it was.</summary>
    /// <param name="path">The file; its folder must exist.</param>
    /// <param name="write">Writes the contents to the stream it is given.</param>
    public static void Write(string path, Action<Stream> write)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        ArgumentNullException.ThrowIfNull(write);
        string full = Path.GetFullPath(path);
        string temporary = Path.Combine(Path.GetDirectoryName(full) ?? full, $".{Path.GetFileName(full)}.{Guid.NewGuid():N}.tmp");
        try
        {
            using (FileStream file = new(temporary, FileMode.CreateNew, FileAccess.Write, FileShare.None, bufferSize: 1 << 16))
            {
                write(file);
                file.Flush(flushToDisk: true);
            }
            File.Move(temporary, full, overwrite: true);
        }
        catch
        {
            File.Delete(temporary);
            throw;
        }
    }

    /// <summary>Writes text as UTF-8 without a byte order mark.</summary>
    /// <param name="path">The file; its folder must exist.</param>
    /// <param name="text">The contents; half a surrogate pair is refused.</param>
    public static void WriteText(string path, string text)
    {
        byte[] bytes = StrictUtf8.GetBytes(text);
        Write(path, stream => stream.Write(bytes));
    }
}
