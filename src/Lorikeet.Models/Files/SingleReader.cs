using System.Runtime.InteropServices;

namespace Lorikeet.Models.Files;

/// <summary>Widens stored floats to float32.</summary>
internal static class SingleReader
{
    /// <summary>Widens (F64: rounds) every number; false for types that are not floats of 2, 4 or 8 bytes.</summary>
    public static bool TryRead(StoredType type, ReadOnlySpan<byte> from, Span<float> to)
    {
        switch (type)
        {
            case StoredType.F32:
                from.CopyTo(MemoryMarshal.AsBytes(to));
                return true;
            case StoredType.BF16:
                ReadOnlySpan<ushort> upper = MemoryMarshal.Cast<byte, ushort>(from);
                for (int i = 0; i < to.Length; i++)
                {
                    to[i] = BitConverter.UInt32BitsToSingle((uint)upper[i] << 16);
                }
                return true;
            case StoredType.F16:
                ReadOnlySpan<Half> halves = MemoryMarshal.Cast<byte, Half>(from);
                for (int i = 0; i < to.Length; i++)
                {
                    to[i] = (float)halves[i];
                }
                return true;
            case StoredType.F64:
                ReadOnlySpan<double> doubles = MemoryMarshal.Cast<byte, double>(from);
                for (int i = 0; i < to.Length; i++)
                {
                    to[i] = (float)doubles[i];
                }
                return true;
            default:
                return false;
        }
    }
}
