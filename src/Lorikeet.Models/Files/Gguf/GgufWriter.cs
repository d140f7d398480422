using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Text;

namespace Lorikeet.Models.Files;

/// <summary>Writes GGUF files: version 3, little-endian, whole or not at all.</summary>
public static class GgufWriter
{
    private const int DefaultAlignment = 32;
    private const int MostNameBytes = 63;

    /// <summary>Writes a file; tensors are asked for their bytes one after the other, in order.</summary>
    /// <param name="path">The file; its folder must exist.</param>
    /// <param name="metadata">The metadata in order; <c>general.alignment</c> counts where it is there.</param>
    /// <param name="tensors">The tensors in order.</param>
    /// <exception cref="ArgumentException">A name is too long or occurs twice, or a row is no whole number of blocks.</exception>
    public static void Write(string path, IEnumerable<KeyValuePair<string, GgufValue>> metadata, IReadOnlyList<GgufTensorToWrite> tensors)
    {
        ArgumentNullException.ThrowIfNull(metadata);
        ArgumentNullException.ThrowIfNull(tensors);
        KeyValuePair<string, GgufValue>[] values = [.. metadata];
        object? given = Array.Find(values, v => v.Key == GgufHeader.AlignmentKey).Value?.Value;
        int alignment = given is null ? DefaultAlignment
            : given is uint own && own > 0 && (own & (own - 1)) == 0 ? (int)own
            : throw new ArgumentException($"{GgufHeader.AlignmentKey} is {given}; expected a UInt32 that is a power of two", nameof(metadata));
        long[] lengths = [.. tensors.Select(Length)];
        if (tensors.Select(t => t.Name).Distinct().Count() != tensors.Count || values.Select(v => v.Key).Distinct().Count() != values.Length)
        {
            throw new ArgumentException("a tensor's name or a key of the metadata occurs twice", nameof(tensors));
        }
        using MemoryStream head = new();
        Head(head, values, tensors, lengths, alignment);
        AtomicFile.Write(path, stream =>
        {
            head.WriteTo(stream);
            Pad(stream, head.Length, alignment);
            for (int i = 0; i < lengths.Length; i++)
            {
                using CountedStream counted = new(stream, lengths[i], tensors[i].Name);
                tensors[i].Write(counted);
                counted.CheckComplete();
                Pad(stream, lengths[i], alignment);
            }
        });
    }

    private static long Length(GgufTensorToWrite tensor)
    {
        if (GgufTypes.Tensor(tensor.TypeId) is not { } type)
        {
            throw new ArgumentException($"tensor {tensor.Name}: there is no type {tensor.TypeId}");
        }
        if (Encoding.UTF8.GetByteCount(tensor.Name) > MostNameBytes)
        {
            throw new ArgumentException($"tensor {tensor.Name} has a name of more than {MostNameBytes} bytes, which other tools refuse");
        }
        if (tensor.Extents.Count is 0 or > 4 || tensor.Extents[0] % type.Values != 0)
        {
            throw new ArgumentException($"tensor {tensor.Name} is [{string.Join(", ", tensor.Extents)}]; expected one to four extents, the first a multiple of {type.Values} for {type.Name}");
        }
        return checked(tensor.Extents.Aggregate(1L, (a, b) => checked(a * b)) / type.Values * type.Bytes);
    }

    private static void Head(
        MemoryStream to, KeyValuePair<string, GgufValue>[] values, IReadOnlyList<GgufTensorToWrite> tensors, long[] lengths, int alignment)
    {
        Number(to, GgufHeader.Magic);
        Number(to, 3u);
        Number(to, (ulong)tensors.Count);
        Number(to, (ulong)values.Length);
        foreach ((string key, GgufValue value) in values)
        {
            String(to, key);
            Number(to, (uint)value.Type);
            Value(to, value);
        }
        ulong offset = 0;
        for (int i = 0; i < lengths.Length; i++)
        {
            String(to, tensors[i].Name);
            Number(to, (uint)tensors[i].Extents.Count);
            foreach (long extent in tensors[i].Extents)
            {
                Number(to, (ulong)extent);
            }
            Number(to, (uint)tensors[i].TypeId);
            Number(to, offset);
            offset += (ulong)((lengths[i] + alignment - 1) / alignment * alignment);
        }
    }

    private static void Value(MemoryStream to, GgufValue value)
    {
        if (value.Type != GgufValueType.Array)
        {
            Scalar(to, value.Value);
            return;
        }
        Number(to, (uint)value.Element);
        Number(to, (ulong)value.Count);
        if (value.Value is string[] strings)
        {
            Array.ForEach(strings, s => String(to, s));
        }
        else
        {
            foreach (object item in (Array)value.Value)
            {
                Scalar(to, item);
            }
        }
    }

    private static void Scalar(MemoryStream to, object value)
    {
        switch (value)
        {
            case string text: String(to, text); break;
            case bool truth: Number(to, (byte)(truth ? 1 : 0)); break;
            case byte number: Number(to, number); break;
            case sbyte number: Number(to, number); break;
            case ushort number: Number(to, number); break;
            case short number: Number(to, number); break;
            case uint number: Number(to, number); break;
            case int number: Number(to, number); break;
            case float number: Number(to, number); break;
            case ulong number: Number(to, number); break;
            case long number: Number(to, number); break;
            default: Number(to, (double)value); break;
        }
    }

    private static void Number<T>(MemoryStream to, T value)
        where T : unmanaged
    {
        Span<byte> bytes = stackalloc byte[8];
        MemoryMarshal.Write(bytes, value);
        to.Write(bytes[..System.Runtime.CompilerServices.Unsafe.SizeOf<T>()]);
    }

    private static void String(MemoryStream to, string value)
    {
        byte[] utf8 = Encoding.UTF8.GetBytes(value);
        Span<byte> length = stackalloc byte[8];
        BinaryPrimitives.WriteUInt64LittleEndian(length, (ulong)utf8.Length);
        to.Write(length);
        to.Write(utf8);
    }

    private static void Pad(Stream to, long written, int alignment)
    {
        Span<byte> zeros = stackalloc byte[256];
        zeros.Clear();
        for (long left = (alignment - (written % alignment)) % alignment; left > 0; left -= Math.Min(left, zeros.Length))
        {
            to.Write(zeros[..(int)Math.Min(left, zeros.Length)]);
        }
    }
}
