namespace Lorikeet.Kernels;

/// <summary>Conversions between float32 arrays and arrays of stored elements, little-endian.</summary>
/// <remarks>
/// Widening is exact. Narrowing rounds to nearest, ties to even; what is too large becomes an infinity, subnormal results are kept, a NaN stays a
/// NaN (its payload may change). Every variant gives the same bits for every number that is not a NaN.
/// </remarks>
public static unsafe class Casting
{
    /// <summary>Widens stored elements: effectively <c>to[i] = (float)from[i]</c>.</summary>
    /// <param name="from">Bytes of the elements, <c>to.Length</c> elements at least.</param>
    /// <param name="type">How the elements are stored.</param>
    /// <param name="to">Receives the singles.</param>
    /// <exception cref="ArgumentException"><paramref name="from"/> is shorter than <paramref name="to"/> asks for.</exception>
    public static void ToSingle(ReadOnlySpan<byte> from, ElementType type, Span<float> to)
    {
        Require.Bytes(from.Length, (long)to.Length * type.Size(), nameof(from));
        fixed (byte* source = from)
        fixed (float* target = to)
        {
            Widen(source, type, target, to.Length);
        }
    }

    /// <summary>Narrows singles: effectively <c>to[i] = round(from[i])</c>, to nearest even.</summary>
    /// <param name="from">The singles.</param>
    /// <param name="type">How the elements are to be stored.</param>
    /// <param name="to">Receives the bytes, <c>from.Length</c> elements at least.</param>
    /// <exception cref="ArgumentException"><paramref name="to"/> is too short.</exception>
    public static void FromSingle(ReadOnlySpan<float> from, ElementType type, Span<byte> to)
    {
        Require.Bytes(to.Length, (long)from.Length * type.Size(), nameof(to));
        fixed (float* source = from)
        fixed (byte* target = to)
        {
            Narrow(source, type, target, from.Length);
        }
    }

    internal static void Widen(byte* from, ElementType type, float* to, int count)
    {
        if (type == ElementType.F32)
        {
            Buffer.MemoryCopy(from, to, (long)count * sizeof(float), (long)count * sizeof(float));
        }
        else if (KernelPath.UseAvx2)
        {
            CastingAvx2.Widen((ushort*)from, type, to, count);
        }
        else
        {
            CastingScalar.Widen((ushort*)from, type, to, count);
        }
    }

    internal static void Narrow(float* from, ElementType type, byte* to, int count)
    {
        if (type == ElementType.F32)
        {
            Buffer.MemoryCopy(from, to, (long)count * sizeof(float), (long)count * sizeof(float));
        }
        else if (KernelPath.UseAvx2)
        {
            CastingAvx2.Narrow(from, type, (ushort*)to, count);
        }
        else
        {
            CastingScalar.Narrow(from, type, (ushort*)to, count);
        }
    }
}
