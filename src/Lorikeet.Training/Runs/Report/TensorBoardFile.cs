using System.Buffers.Binary;
using System.Numerics;
using System.Text;

namespace Lorikeet.Training;

/// <summary>An event file of TensorBoard: records of length, masked CRC-32C of the length, protocol buffer message, masked CRC-32C of the message.</summary>
/// <remarks>
/// Source: TensorFlow's core/lib/io/record_writer.cc (framing, mask) and core/util/event.proto: Event { double wall_time = 1; int64 step = 2;
/// string file_version = 3; Summary summary = 5 }, Summary { repeated Value value = 1 }, Value { string tag = 1; float simple_value = 2 }.
/// </remarks>
public sealed class TensorBoardFile : IDisposable
{
    private readonly FileStream file;
    private readonly MemoryStream message = new(), summary = new(), value = new();

    /// <summary>Begins a file.</summary>
    /// <param name="path">Its path; the name must hold <c>tfevents</c> for TensorBoard to find it.</param>
    /// <param name="time">Now: seconds since 1970.</param>
    public TensorBoardFile(string path, double time)
    {
        file = new FileStream(path, FileMode.CreateNew, FileAccess.Write, FileShare.Read);
        Begin(time, null);
        Bytes(message, 3, "brain.Event:2"u8);
        Record();
    }

    /// <summary>Writes scalars of one step; the file holds whole records only.</summary>
    /// <param name="time">When: seconds since 1970.</param>
    /// <param name="step">The step.</param>
    /// <param name="scalars">Tags and values.</param>
    public void Write(double time, long step, params ReadOnlySpan<(string Tag, double Value)> scalars)
    {
        summary.SetLength(0);
        Span<byte> four = stackalloc byte[4];
        foreach ((string tag, double number) in scalars)
        {
            value.SetLength(0);
            Bytes(value, 1, Encoding.UTF8.GetBytes(tag));
            value.WriteByte((2 << 3) | 5);
            BinaryPrimitives.WriteSingleLittleEndian(four, (float)number);
            value.Write(four);
            Bytes(summary, 1, Content(value));
        }
        Begin(time, step);
        Bytes(message, 5, Content(summary));
        Record();
    }

    /// <summary>The masked CRC-32C of bytes: ((crc >> 15) | (crc &lt;&lt; 17)) + 0xa282ead8.</summary>
    /// <param name="bytes">The bytes.</param>
    public static uint MaskedCrc(ReadOnlySpan<byte> bytes)
    {
        uint crc = uint.MaxValue;
        for (; bytes.Length >= sizeof(ulong); bytes = bytes[sizeof(ulong)..])
        {
            crc = BitOperations.Crc32C(crc, BinaryPrimitives.ReadUInt64LittleEndian(bytes));
        }
        foreach (byte b in bytes)
        {
            crc = BitOperations.Crc32C(crc, b);
        }
        return BitOperations.RotateRight(~crc, 15) + 0xa282ead8;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        file.Dispose();
        message.Dispose();
        summary.Dispose();
        value.Dispose();
    }

    private void Begin(double time, long? step)
    {
        message.SetLength(0);
        message.WriteByte((1 << 3) | 1);
        Span<byte> eight = stackalloc byte[8];
        BinaryPrimitives.WriteDoubleLittleEndian(eight, time);
        message.Write(eight);
        if (step is { } number)
        {
            message.WriteByte(2 << 3);
            Varint(message, (ulong)number);
        }
    }

    private void Record()
    {
        ReadOnlySpan<byte> content = Content(message);
        Span<byte> head = stackalloc byte[12], tail = stackalloc byte[4];
        BinaryPrimitives.WriteUInt64LittleEndian(head, (ulong)content.Length);
        BinaryPrimitives.WriteUInt32LittleEndian(head[8..], MaskedCrc(head[..8]));
        BinaryPrimitives.WriteUInt32LittleEndian(tail, MaskedCrc(content));
        file.Write(head);
        file.Write(content);
        file.Write(tail);
        file.Flush();
    }

    private static void Bytes(MemoryStream to, int field, ReadOnlySpan<byte> content)
    {
        to.WriteByte((byte)((field << 3) | 2));
        Varint(to, (ulong)content.Length);
        to.Write(content);
    }

    private static void Varint(MemoryStream to, ulong number)
    {
        for (; number >= 0x80; number >>= 7)
        {
            to.WriteByte((byte)(number | 0x80));
        }
        to.WriteByte((byte)number);
    }

    private static ReadOnlySpan<byte> Content(MemoryStream stream) => stream.GetBuffer().AsSpan(0, (int)stream.Length);
}
