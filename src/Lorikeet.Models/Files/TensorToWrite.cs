using System.Buffers;
using System.Diagnostics.CodeAnalysis;
using System.Runtime.InteropServices;

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
        return type switch
        {
            StoredType.F32 => new TensorToWrite(name, type, shape, to => to.Write(MemoryMarshal.AsBytes(values.Span))),
            StoredType.BF16 => new TensorToWrite(name, type, shape, to => WriteNarrow(values.Span, to, ToBrain)),
            StoredType.F16 => new TensorToWrite(name, type, shape, to => WriteNarrow(values.Span, to, v => BitConverter.HalfToUInt16Bits((Half)v))),
            _ => throw new ArgumentException($"tensor {name}: float32 numbers are stored as F32, BF16 or F16, not {type}", nameof(type)),
        };
    }

    private static void WriteNarrow(ReadOnlySpan<float> values, Stream to, Func<float, ushort> narrow)
    {
        ushort[] buffer = ArrayPool<ushort>.Shared.Rent(1 << 14);
        try
        {
            for (int at = 0; at < values.Length; at += buffer.Length)
            {
                ReadOnlySpan<float> chunk = values.Slice(at, Math.Min(buffer.Length, values.Length - at));
                for (int i = 0; i < chunk.Length; i++)
                {
                    buffer[i] = narrow(chunk[i]);
                }
                to.Write(MemoryMarshal.AsBytes(buffer.AsSpan(0, chunk.Length)));
            }
        }
        finally
        {
            ArrayPool<ushort>.Shared.Return(buffer);
        }
    }

    private static ushort ToBrain(float value)
    {
        uint bits = BitConverter.SingleToUInt32Bits(value);
        // NaN keeps its sign and gets a set quiet bit; rounding it could carry into infinity.
        return float.IsNaN(value) ? (ushort)((bits >> 16) | 0x40) : (ushort)((bits + 0x7FFF + ((bits >> 16) & 1)) >> 16);
    }
}
