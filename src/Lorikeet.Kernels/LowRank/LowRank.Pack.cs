namespace Lorikeet.Kernels;

public static unsafe partial class LowRank
{
    /// <summary>The bytes that one adapter's packed factors take.</summary>
    /// <param name="rank">Rank, at least 1.</param>
    /// <param name="inputs">Inputs, at least 1.</param>
    /// <param name="outputs">Outputs, at least 1.</param>
    /// <param name="type">How the numbers are kept.</param>
    /// <exception cref="ArgumentOutOfRangeException">A size below 1 or an unknown type.</exception>
    public static long ByteLength(int rank, int inputs, int outputs, FactorType type)
    {
        CheckSizes(rank, inputs, outputs, type);
        return new FactorLayout(rank, inputs, outputs, type).Bytes;
    }

    /// <summary>The bytes of them that are read first: A, from the beginning on, and the scales of int8 codes.</summary>
    /// <param name="rank">Rank, at least 1.</param>
    /// <param name="inputs">Inputs, at least 1.</param>
    /// <param name="type">How the numbers are kept.</param>
    /// <exception cref="ArgumentOutOfRangeException">A size below 1 or an unknown type.</exception>
    public static long BytesOfA(int rank, int inputs, FactorType type)
    {
        CheckSizes(rank, inputs, 1, type);
        return new FactorLayout(rank, inputs, 1, type).OffsetB;
    }

    /// <summary>Packs both factors of a change for <see cref="Apply(ReadOnlySpan{LowRankSegment}, ReadOnlySpan{float}, int, ReadOnlySpan{LowRankResult})"/>.</summary>
    /// <remarks>
    /// F32 keeps every bit, BF16 rounds to nearest even. Int8 keeps round(A[j, k] / a_j) and round(B[o, j] / b_j), ties to even, with
    /// a_j = max over k of |A[j, k]| / 127 and b_j likewise; the kernel multiplies h_j by a_j b_j.
    /// </remarks>
    /// <param name="a">A, [rank, inputs].</param>
    /// <param name="b">B, [outputs, rank].</param>
    /// <param name="rank">Rank, at least 1.</param>
    /// <param name="inputs">Inputs, at least 1.</param>
    /// <param name="outputs">Outputs, at least 1.</param>
    /// <param name="type">How the numbers are kept.</param>
    /// <param name="packed">Receives <see cref="ByteLength"/> bytes.</param>
    /// <exception cref="ArgumentException">A span is too short, or a number has no int8 code because it is not finite.</exception>
    /// <exception cref="ArgumentOutOfRangeException">A size below 1 or an unknown type.</exception>
    public static void Pack(ReadOnlySpan<float> a, ReadOnlySpan<float> b, int rank, int inputs, int outputs, FactorType type, Span<byte> packed)
    {
        CheckSizes(rank, inputs, outputs, type);
        FactorLayout layout = new(rank, inputs, outputs, type);
        Require.Length(a.Length, (long)rank * inputs, nameof(a), "[rank, inputs]");
        Require.Length(b.Length, (long)outputs * rank, nameof(b), "[outputs, rank]");
        Require.Bytes(packed.Length, layout.Bytes, nameof(packed));
        packed.Clear();
        fixed (byte* to = packed)
        fixed (float* fromA = a)
        fixed (float* fromB = b)
        {
            // The scales of A's rows and B's columns, where codes are made.
            float[] scales = type == FactorType.Int8 ? new float[2 * rank] : [];
            for (int j = 0; 2 * j < scales.Length; j++)
            {
                scales[j] = ScaleOf(fromA + ((long)j * inputs), inputs, 1, "A");
                scales[rank + j] = ScaleOf(fromB + j, outputs, rank, "B");
                ((float*)(to + layout.OffsetScales))[j] = scales[j] * scales[rank + j];
            }
            fixed (float* scale = scales)
            {
                for (int j = 0; j < rank; j++)
                {
                    int panel = j / FactorLayout.Lanes;
                    byte* at = to + (panel * layout.PanelBytesA);
                    PackLine(layout, fromA + ((long)j * inputs), inputs, at, j % FactorLayout.Lanes, layout.LanesOf(panel), scale + j, 0);
                }
                for (int o = 0; o < outputs; o++)
                {
                    byte* at = to + layout.OffsetB + (o / FactorLayout.Lanes * layout.PanelBytesB);
                    PackLine(layout, fromB + ((long)o * rank), rank, at, o % FactorLayout.Lanes, FactorLayout.Lanes, scale + rank, 1);
                }
            }
        }
    }

    /// <summary>One lane of a panel: numbers of ascending k; code k has scale[k * step].</summary>
    private static void PackLine(in FactorLayout layout, float* from, int depth, byte* panel, int lane, int lanes, float* scale, int step)
    {
        switch (layout.Type)
        {
            case FactorType.F32:
                for (int k = 0; k < depth; k++)
                {
                    ((float*)panel)[((long)k * lanes) + lane] = from[k];
                }
                break;
            case FactorType.BF16:
                PackHalves(from, depth, (uint*)panel + lane, lanes);
                break;
            default:
                for (int k = 0; k < depth; k++)
                {
                    float by = scale[k * step];
                    ((sbyte*)panel)[((long)k * lanes) + lane] = by == 0f ? (sbyte)0 : (sbyte)Math.Clamp(MathF.Round(from[k] / by), -127f, 127f);
                }
                break;
        }
    }

    // Depths 2k and 2k + 1 of a lane are one word (FactorLayout.Place). Reading an adapter waits for this: many numbers are rounded at once.
    private static void PackHalves(float* from, int depth, uint* words, int lanes)
    {
        const int Some = 128;
        ushort* halves = stackalloc ushort[Some];
        for (int k = 0; k < depth; k += Some)
        {
            int count = Math.Min(Some, depth - k);
            Casting.Narrow(from + k, ElementType.BF16, (byte*)halves, count);
            if (count % 2 != 0)
            {
                halves[count] = 0;
            }
            for (int pair = 0; 2 * pair < count; pair++)
            {
                words[((long)(k / 2) + pair) * lanes] = ((uint*)halves)[pair];
            }
        }
    }

    /// <summary>The largest magnitude over 127; 0 where all numbers are so small that codes could not tell them from zero.</summary>
    internal static float ScaleOf(float* from, int count, int step, string factor)
    {
        float most = 0f;
        for (long i = 0; i < count; i++)
        {
            float value = MathF.Abs(from[i * step]);
            if (!float.IsFinite(value))
            {
                throw new ArgumentException($"an adapter's factor {factor} holds {from[i * step]}, which has no int8 code: keep this adapter in f32, or train it again");
            }
            most = MathF.Max(most, value);
        }
        return most / 127f;
    }

    private static void CheckSizes(int rank, int inputs, int outputs, FactorType type)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(rank);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(inputs);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(outputs);
        if (type > FactorType.Int8)
        {
            throw new ArgumentOutOfRangeException(nameof(type), type, "not a known type of factors: expected F32, BF16 or Int8");
        }
    }
}
