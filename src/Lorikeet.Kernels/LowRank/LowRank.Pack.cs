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
        if (!layout.IsFull)
        {
            packed.Clear();
        }
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
                for (int panel = 0; panel < layout.PanelsA; panel++)
                {
                    int first = panel * FactorLayout.Lanes;
                    PackPanel(layout, fromA + ((long)first * inputs), Math.Min(FactorLayout.Lanes, rank - first), inputs, to + (panel * layout.PanelBytesA), layout.LanesOf(panel), scale + first, 0);
                }
                for (int panel = 0; panel < layout.PanelsB; panel++)
                {
                    int first = panel * FactorLayout.Lanes;
                    PackPanel(layout, fromB + ((long)first * rank), Math.Min(FactorLayout.Lanes, outputs - first), rank, to + layout.OffsetB + (panel * layout.PanelBytesB), FactorLayout.Lanes, scale + rank, 1);
                }
            }
        }
    }

    /// <summary>Packs factors whose numbers are bfloat16 already, as they are.</summary>
    /// <param name="a">A, [rank, inputs].</param>
    /// <param name="b">B, [outputs, rank].</param>
    /// <param name="rank">Rank, at least 1.</param>
    /// <param name="inputs">Inputs, at least 1.</param>
    /// <param name="outputs">Outputs, at least 1.</param>
    /// <param name="packed">Receives <see cref="ByteLength"/> bytes of <see cref="FactorType.BF16"/>.</param>
    /// <exception cref="ArgumentException">A span is too short.</exception>
    /// <exception cref="ArgumentOutOfRangeException">A size below 1.</exception>
    public static void PackHalves(ReadOnlySpan<ushort> a, ReadOnlySpan<ushort> b, int rank, int inputs, int outputs, Span<byte> packed)
    {
        CheckSizes(rank, inputs, outputs, FactorType.BF16);
        FactorLayout layout = new(rank, inputs, outputs, FactorType.BF16);
        Require.Length(a.Length, (long)rank * inputs, nameof(a), "[rank, inputs]");
        Require.Length(b.Length, (long)outputs * rank, nameof(b), "[outputs, rank]");
        Require.Bytes(packed.Length, layout.Bytes, nameof(packed));
        if (!layout.IsFull)
        {
            packed.Clear();
        }
        fixed (byte* to = packed)
        fixed (ushort* fromA = a)
        fixed (ushort* fromB = b)
        {
            for (int panel = 0; panel < layout.PanelsA; panel++)
            {
                int first = panel * FactorLayout.Lanes;
                PackHalves(fromA + ((long)first * inputs), inputs, Math.Min(FactorLayout.Lanes, rank - first), inputs, (uint*)(to + (panel * layout.PanelBytesA)), layout.LanesOf(panel));
            }
            for (int panel = 0; panel < layout.PanelsB; panel++)
            {
                int first = panel * FactorLayout.Lanes;
                PackHalves(fromB + ((long)first * rank), rank, Math.Min(FactorLayout.Lanes, outputs - first), rank, (uint*)(to + layout.OffsetB + (panel * layout.PanelBytesB)), FactorLayout.Lanes);
            }
        }
    }

    /// <summary>The lanes of a panel, each from numbers of ascending k; code k of lane l has scale[k], or scale[l] where the step is 0.</summary>
    private static void PackPanel(in FactorLayout layout, float* from, int filled, int depth, byte* panel, int lanes, float* scale, int step)
    {
        switch (layout.Type)
        {
            case FactorType.F32:
                Turn(from, depth, filled, depth, (float*)panel, lanes);
                break;
            case FactorType.BF16:
                // Some ks at a time, rounded into rows of halves that stay in the nearest cache.
                const int Some = 128;
                ushort* halves = stackalloc ushort[FactorLayout.Lanes * Some];
                for (int k = 0; k < depth; k += Some)
                {
                    int count = Math.Min(Some, depth - k);
                    for (int lane = 0; lane < filled; lane++)
                    {
                        Casting.Narrow(from + ((long)lane * depth) + k, ElementType.BF16, (byte*)(halves + (lane * Some)), count);
                    }
                    PackHalves(halves, Some, filled, count, (uint*)panel + ((long)(k / 2) * lanes), lanes);
                }
                break;
            default:
                for (int lane = 0; lane < filled; lane++)
                {
                    float* line = from + ((long)lane * depth);
                    for (int k = 0; k < depth; k++)
                    {
                        float by = scale[step == 0 ? lane : k];
                        ((sbyte*)panel)[((long)k * lanes) + lane] = by == 0f ? (sbyte)0 : (sbyte)Math.Clamp(MathF.Round(line[k] / by), -127f, 127f);
                    }
                }
                break;
        }
    }

    // Depths 2k and 2k + 1 of a lane are one word (FactorLayout.Place), and lie side by side in the source, too: words are turned, not numbers.
    private static void PackHalves(ushort* from, long stride, int filled, int depth, uint* words, int lanes)
    {
        int pairs = depth / 2;
        if (stride % 2 == 0)
        {
            Turn((float*)from, (nint)(stride / 2), filled, pairs, (float*)words, lanes);
        }
        else
        {
            for (int lane = 0; lane < filled; lane++)
            {
                ushort* line = from + (lane * stride);
                for (int pair = 0; pair < pairs; pair++)
                {
                    words[((long)pair * lanes) + lane] = line[2 * pair] | ((uint)line[(2 * pair) + 1] << 16);
                }
            }
        }
        for (int lane = 0; lane < filled && depth % 2 != 0; lane++)
        {
            words[((long)pairs * lanes) + lane] = from[(lane * stride) + depth - 1];
        }
    }

    /// <summary><c>to[c, r] = from[r, c]</c>, the bits of words.</summary>
    private static void Turn(float* from, nint stride, int rows, int columns, float* to, int lanes)
    {
        if (KernelPath.UseAvx2)
        {
            Transposes.Copy(from, stride, rows, columns, to, lanes);
            return;
        }
        for (int r = 0; r < rows; r++)
        {
            for (int c = 0; c < columns; c++)
            {
                to[((long)c * lanes) + r] = from[(r * stride) + c];
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
