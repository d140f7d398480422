using System.Runtime.CompilerServices;
using System.Text;
using System.Text.Unicode;

namespace Lorikeet.Models.Files;

/// <summary>Walks over the head of a mapped file; nothing is read or allocated that was not compared with the bytes that are left.</summary>
internal unsafe ref struct GgufCursor(byte* start, long length, string path)
{
    private const int MostString = 64 << 20;

    public long Position { get; private set; }

    public readonly long Left => length - Position;

    public readonly BadFileException Bad(string message) => new($"{path}: {message}");

    public T Read<T>(string what)
        where T : unmanaged
    {
        if (Left < sizeof(T))
        {
            throw Bad($"the file ends in {what}, at byte {Position}; it is cut off.");
        }
        T value = Unsafe.ReadUnaligned<T>(start + Position);
        Position += sizeof(T);
        return value;
    }

    /// <summary>A count whose things take a least number of bytes each.</summary>
    public int Count(string what, int least)
    {
        ulong count = Read<ulong>(what);
        return count <= (ulong)(Left / least) && count <= (ulong)Array.MaxLength
            ? (int)count
            : throw Bad($"{what} is {count}, but the file has only {Left} bytes more; it is cut off or damaged.");
    }

    public string String(string what)
    {
        long at = Position;
        ulong bytes = Read<ulong>($"the length of {what}");
        if (bytes > (ulong)Left || bytes > MostString)
        {
            throw Bad($"{what} at byte {at} has {bytes} bytes; the file has {Left} more, and at most {MostString} are read as one string.");
        }
        ReadOnlySpan<byte> utf8 = new(start + Position, (int)bytes);
        if (!Utf8.IsValid(utf8))
        {
            throw Bad($"{what} at byte {at} is not UTF-8.");
        }
        Position += (long)bytes;
        return Encoding.UTF8.GetString(utf8);
    }

    public T[] Numbers<T>(int count, string what)
        where T : unmanaged
    {
        if (Left / sizeof(T) < count)
        {
            throw Bad($"{what} has {count} elements; the file has {Left} bytes more.");
        }
        T[] values = new ReadOnlySpan<T>(start + Position, count).ToArray();
        Position += (long)count * sizeof(T);
        return values;
    }
}
