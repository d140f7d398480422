using System.Buffers;
using System.Diagnostics.CodeAnalysis;
using System.Runtime.InteropServices;
using Lorikeet.Kernels;

namespace Lorikeet.Models.Files;

/// <summary>One tensor to be written: what it is, and a delegate that writes its bytes, so that big models stream.</summary>
/// <param name="Name">The tensor's name.</param>
/// <param name="Type">How its numbers are written.</param>
/// <param name="Shape">Its extents, slowest first; empty for a scalar.</param>
/// <param name="Write">Writes exactly product(shape) x size bytes, little-endian.</param>
public sealed record TensorToWrite(string Name, StoredType Type, IReadOnlyList<long> Shape, Action<Stream> Write)
{
    /// <summary>A tensor of float32 numbers in memory, stored as F32, BF16 or F16 (rounded to nearest, ties to even).</summary>
    /// <param name="name">The tensor's name.</param>
    /// <param name="shape">Its extents, slowest first.</param>
    /// <param name="values">Its numbers; as many as the shape has.</param>
    /// <param name="type">F32 (the default), BF16 or F16.</param>
    [SuppressMessage("Naming", "CA1720", Justification = "float32 is called Single in the whole code base")]
    public static TensorToWrite Single(string name, IReadOnlyList<long> shape, ReadOnlyMemory<float> values, StoredType type = StoredType.F32)
    {
        ArgumentNullException.ThrowIfNull(shape);
        Int128 count = 1;
        foreach (long extent in shape)
        {
            ArgumentOutOfRangeException.ThrowIfNegative(extent, nameof(shape));
            count = checked(count * extent);
        }
        if (count != values.Length)
        {
            throw new ArgumentException($"tensor {name}: shape [{string.Join(", ", shape)}] has {count} numbers, {values.Length} were given", nameof(values));
        }
        return SafetensorsFile.ToElementType(type) is { } element
            ? new TensorToWrite(name, type, shape, to => WriteSingle(values.Span, element, to))
            : throw new ArgumentException($"tensor {name}: float32 numbers are stored as F32, BF16 or F16, not {type}", nameof(type));
    }

    /// <summary>Writes float32 numbers in a format, rounded to nearest, ties to even.</summary>
    internal static void WriteSingle(ReadOnlySpan<float> values, ElementType type, Stream to)
    {
        if (type == ElementType.F32)
        {
            to.Write(MemoryMarshal.AsBytes(values));
            return;
        }
        const int Most = 1 << 14;
        byte[] narrow = ArrayPool<byte>.Shared.Rent(Most * sizeof(ushort));
        try
        {
            for (int at = 0; at < values.Length; at += Most)
            {
                ReadOnlySpan<float> chunk = values.Slice(at, Math.Min(Most, values.Length - at));
                Span<byte> own = narrow.AsSpan(0, chunk.Length * sizeof(ushort));
                Casting.FromSingle(chunk, type, own);
                to.Write(own);
            }
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(narrow);
        }
    }
}
