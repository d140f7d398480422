using System.Buffers;
using System.Buffers.Binary;
using System.Text.Encodings.Web;
using System.Text.Json;

namespace Lorikeet.Models.Files;

/// <summary>Writes safetensors files, whole or not at all (see <see cref="AtomicFile"/>).</summary>
public static class SafetensorsWriter
{
    /// <summary>Writes a file; the header lists the tensors in the given order and is padded with spaces to 8 bytes.</summary>
    /// <param name="path">The file; its folder must exist. An older file is replaced only when all is written.</param>
    /// <param name="metadata">Strings for <c>__metadata__</c>; null for none. Hugging Face's libraries expect <c>format</c> = <c>pt</c>.</param>
    /// <param name="tensors">The tensors, with distinct names.</param>
    /// <exception cref="ArgumentException">A name occurs twice or is <c>__metadata__</c>, or a shape is negative or overflows.</exception>
    /// <exception cref="InvalidOperationException">A tensor's delegate wrote another number of bytes than its shape needs.</exception>
    public static void Write(string path, IReadOnlyDictionary<string, string>? metadata, IReadOnlyList<TensorToWrite> tensors)
    {
        ArgumentNullException.ThrowIfNull(tensors);
        long[] sizes = [.. tensors.Select(SizeOf)];
        byte[] header = Header(metadata, tensors, sizes);
        AtomicFile.Write(path, stream => WriteAll(stream, header, tensors, sizes));
    }

    internal static void WriteAll(Stream stream, byte[] header, IReadOnlyList<TensorToWrite> tensors, long[] sizes)
    {
        Span<byte> length = stackalloc byte[8];
        BinaryPrimitives.WriteInt64LittleEndian(length, header.Length);
        stream.Write(length);
        stream.Write(header);
        for (int i = 0; i < tensors.Count; i++)
        {
            using CountedStream counted = new(stream, sizes[i], tensors[i].Name);
            tensors[i].Write(counted);
            counted.CheckComplete();
        }
    }

    private static byte[] Header(IReadOnlyDictionary<string, string>? metadata, IReadOnlyList<TensorToWrite> tensors, long[] sizes)
    {
        ArrayBufferWriter<byte> buffer = new();
        HashSet<string> names = ["__metadata__"];
        using (Utf8JsonWriter json = new(buffer, new JsonWriterOptions { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping }))
        {
            json.WriteStartObject();
            if (metadata is not null)
            {
                json.WriteStartObject("__metadata__");
                foreach ((string key, string value) in metadata)
                {
                    json.WriteString(key, value);
                }
                json.WriteEndObject();
            }
            long at = 0;
            for (int i = 0; i < tensors.Count; i++)
            {
                TensorToWrite t = tensors[i];
                if (!names.Add(t.Name))
                {
                    throw new ArgumentException($"tensor name {t.Name} is used twice or reserved; names must be distinct", nameof(tensors));
                }
                json.WriteStartObject(t.Name);
                json.WriteString("dtype", t.Type.Name());
                json.WriteStartArray("shape");
                foreach (long extent in t.Shape)
                {
                    json.WriteNumberValue(extent);
                }
                json.WriteEndArray();
                json.WriteStartArray("data_offsets");
                json.WriteNumberValue(at);
                json.WriteNumberValue(at = checked(at + sizes[i]));
                json.WriteEndArray();
                json.WriteEndObject();
            }
            json.WriteEndObject();
        }
        int padded = (buffer.WrittenCount + 7) / 8 * 8;
        if (padded > SafetensorsHeader.MostHeaderBytes)
        {
            throw new ArgumentException($"the header has {padded} bytes; readers accept {SafetensorsHeader.MostHeaderBytes}", nameof(tensors));
        }
        byte[] header = new byte[padded];
        buffer.WrittenSpan.CopyTo(header);
        header.AsSpan(buffer.WrittenCount).Fill((byte)' ');
        return header;
    }

    private static long SizeOf(TensorToWrite tensor)
    {
        long size = tensor.Type.Size();
        foreach (long extent in tensor.Shape)
        {
            ArgumentOutOfRangeException.ThrowIfNegative(extent);
            size = checked(size * extent);
        }
        return size;
    }
}
