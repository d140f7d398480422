using System.Buffers.Binary;

namespace Lorikeet.Kernels;

/// <summary>The half-precision scales in blocks.</summary>
internal static class Halves
{
    /// <summary>Reads a scale, exactly.</summary>
    public static float Read(ReadOnlySpan<byte> from) => (float)BinaryPrimitives.ReadHalfLittleEndian(from);

    /// <summary>Writes a scale, rounded to nearest even, and gives what was written.</summary>
    public static float Write(Span<byte> to, float value)
    {
        Half half = (Half)value;
        BinaryPrimitives.WriteHalfLittleEndian(to, half);
        return (float)half;
    }
}
