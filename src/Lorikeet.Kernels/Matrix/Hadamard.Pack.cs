namespace Lorikeet.Kernels;

/// <content>The stored form of one adapter's factors at one site: B, then A, then the scales of codes, in one piece; each row on cache lines of its own.</content>
public static unsafe partial class Hadamard
{
    private const int Line = 64;

    /// <summary>Bytes from one row of a stored factor to the next.</summary>
    /// <param name="width">Numbers of a row.</param>
    /// <param name="type">How they are stored.</param>
    public static long RowBytes(int width, FactorType type) =>
        Round((long)width * FactorLayout.SizeOf(type));

    /// <summary>The bytes that one adapter's packed factors take.</summary>
    /// <param name="rank">Rank, at least 1.</param>
    /// <param name="inputs">Inputs, at least 1.</param>
    /// <param name="outputs">Outputs, at least 1.</param>
    /// <param name="type">How the numbers are kept.</param>
    /// <exception cref="ArgumentOutOfRangeException">A size below 1 or an unknown type.</exception>
    public static long ByteLength(int rank, int inputs, int outputs, FactorType type)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(rank);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(inputs);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(outputs);
        if (type > FactorType.Int8)
        {
            throw new ArgumentOutOfRangeException(nameof(type), type, "not a known type of factors: expected F32, BF16 or Int8");
        }
        return (rank * (RowBytes(inputs, type) + RowBytes(outputs, type))) + (type == FactorType.Int8 ? ScaleBytes(rank) : 0);
    }

    /// <summary>Packs both factors for the segments of a batch.</summary>
    /// <remarks>F32 keeps every bit, BF16 rounds to nearest even. Int8 keeps round(A[j, o] / a_j), ties to even, with a_j = max over o of |A[j, o]| / 127; B likewise.</remarks>
    /// <param name="a">A, [rank, outputs].</param>
    /// <param name="b">B, [rank, inputs].</param>
    /// <param name="rank">Rank, at least 1.</param>
    /// <param name="inputs">Inputs, at least 1.</param>
    /// <param name="outputs">Outputs, at least 1.</param>
    /// <param name="type">How the numbers are kept.</param>
    /// <param name="packed">Receives <see cref="ByteLength"/> bytes.</param>
    /// <exception cref="ArgumentException">A span is too short, or a number has no int8 code because it is not finite.</exception>
    /// <exception cref="ArgumentOutOfRangeException">A size below 1 or an unknown type.</exception>
    public static void Pack(ReadOnlySpan<float> a, ReadOnlySpan<float> b, int rank, int inputs, int outputs, FactorType type, Span<byte> packed)
    {
        long bytes = ByteLength(rank, inputs, outputs, type);
        Require.Length(a.Length, (long)rank * outputs, nameof(a), "[rank, outputs]");
        Require.Length(b.Length, (long)rank * inputs, nameof(b), "[rank, inputs]");
        Require.Bytes(packed.Length, bytes, nameof(packed));
        packed[..(int)bytes].Clear();
        fixed (byte* to = packed)
        fixed (float* fromA = a)
        fixed (float* fromB = b)
        {
            HadamardSegment own = default;
            own.Use(to, rank, inputs, outputs, type);
            for (int j = 0; j < rank; j++)
            {
                PackRow(fromB + ((long)j * inputs), inputs, type, own.B + (j * RowBytes(inputs, type)), own.Scales + j, "B");
                PackRow(fromA + ((long)j * outputs), outputs, type, own.A + (j * RowBytes(outputs, type)), own.Scales + rank + j, "A");
            }
        }
    }

    internal static long ScaleBytes(int rank) => Round(2L * rank * sizeof(float));

    private static long Round(long bytes) => (bytes + Line - 1) / Line * Line;

    private static void PackRow(float* from, int count, FactorType type, byte* to, float* scale, string factor)
    {
        float by = type == FactorType.Int8 ? *scale = LowRank.ScaleOf(from, count, 1, factor) : 0f;
        for (int k = 0; k < count; k++)
        {
            switch (type)
            {
                case FactorType.F32:
                    ((float*)to)[k] = from[k];
                    break;
                case FactorType.BF16:
                    ((ushort*)to)[k] = CastingScalar.Narrow(from[k], ElementType.BF16);
                    break;
                default:
                    ((sbyte*)to)[k] = by == 0f ? (sbyte)0 : (sbyte)Math.Clamp(MathF.Round(from[k] / by), -127f, 127f);
                    break;
            }
        }
    }
}
