using System.Runtime.CompilerServices;

namespace Lorikeet.Kernels;

/// <content>The two formulas, row by row, for every storage and width of vectors: bound by reading factors and writing rows.</content>
public static unsafe partial class Hadamard
{
    /// <summary><c>to[k] = x[k] * b[k]</c>, k below <paramref name="count"/>.</summary>
    internal static void Product(KernelVariant variant, FactorType type, float* x, byte* b, float scale, int count, float* to)
    {
        switch (type)
        {
            case FactorType.F32:
                Product<F32Row>(variant, x, b, scale, count, to);
                break;
            case FactorType.BF16:
                Product<BF16Row>(variant, x, b, scale, count, to);
                break;
            default:
                Product<Int8Row>(variant, x, b, scale, count, to);
                break;
        }
    }

    /// <summary>
    /// <c>y[o] = scale * sum over j of a_j[o] * q_j[o]</c>, one chain over ascending j; with <paramref name="from"/>, which may be y, <c>fma(scale, sum, from[o])</c>.
    /// </summary>
    /// <param name="variant">The kernel's variant.</param>
    /// <param name="type">How A is stored.</param>
    /// <param name="q">[rank, count], rows <paramref name="qStride"/> floats apart.</param>
    /// <param name="qStride">Floats.</param>
    /// <param name="a">The first number of A, [rank, count].</param>
    /// <param name="aStride">Bytes from one of its rows to the next.</param>
    /// <param name="scales">[rank] of its codes, or null.</param>
    /// <param name="rank">At least 1.</param>
    /// <param name="count">Columns.</param>
    /// <param name="scale">Multiplies the sum.</param>
    /// <param name="from">What it is added to, or null.</param>
    /// <param name="y">[count]; may be q where the rank is 1.</param>
    internal static void Sum(
        KernelVariant variant, FactorType type, float* q, nint qStride, byte* a, nint aStride, float* scales, int rank, int count, float scale, float* from, float* y)
    {
        switch (type)
        {
            case FactorType.F32:
                Sum<F32Row>(variant, q, qStride, a, aStride, scales, rank, count, scale, from, y);
                break;
            case FactorType.BF16:
                Sum<BF16Row>(variant, q, qStride, a, aStride, scales, rank, count, scale, from, y);
                break;
            default:
                Sum<Int8Row>(variant, q, qStride, a, aStride, scales, rank, count, scale, from, y);
                break;
        }
    }

    private static void Product<TRow>(KernelVariant variant, float* x, byte* b, float scale, int count, float* to)
        where TRow : struct, IFactorRow
    {
        int done = variant switch
        {
            KernelVariant.Avx512 => Product<Sixteen, TRow>(x, b, scale, 0, count, to),
            KernelVariant.Avx2 => Product<Eight, TRow>(x, b, scale, 0, count, to),
            _ => 0,
        };
        Product<One, TRow>(x, b, scale, done, count, to);
    }

    private static int Product<TLanes, TRow>(float* x, byte* b, float scale, int k, int count, float* to)
        where TLanes : unmanaged, ILanes<TLanes>
        where TRow : struct, IFactorRow
    {
        TLanes by = TLanes.Splat(scale);
        for (; k + (2 * TLanes.Count) <= count; k += 2 * TLanes.Count)
        {
            TLanes low = TLanes.Load(x + k) * TRow.Load(b, k, by), high = TLanes.Load(x + k + TLanes.Count) * TRow.Load(b, k + TLanes.Count, by);
            TLanes.Store(low, to + k);
            TLanes.Store(high, to + k + TLanes.Count);
        }
        for (; k + TLanes.Count <= count; k += TLanes.Count)
        {
            TLanes.Store(TLanes.Load(x + k) * TRow.Load(b, k, by), to + k);
        }
        return k;
    }

    private static void Sum<TRow>(
        KernelVariant variant, float* q, nint qStride, byte* a, nint aStride, float* scales, int rank, int count, float scale, float* from, float* y)
        where TRow : struct, IFactorRow
    {
        int done = variant switch
        {
            KernelVariant.Avx512 => Sum<Sixteen, TRow>(q, qStride, a, aStride, scales, rank, 0, count, scale, from, y),
            KernelVariant.Avx2 => Sum<Eight, TRow>(q, qStride, a, aStride, scales, rank, 0, count, scale, from, y),
            _ => 0,
        };
        if (done < count)
        {
            Sum<One, TRow>(q, qStride, a, aStride, scales, rank, done, count, scale, from, y);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static int Sum<TLanes, TRow>(
        float* q, nint qStride, byte* a, nint aStride, float* scales, int rank, int o, int count, float scale, float* from, float* y)
        where TLanes : unmanaged, ILanes<TLanes>
        where TRow : struct, IFactorRow
    {
        TLanes factor = TLanes.Splat(scale);
        if (rank == 1 && from is null)
        {
            // What most adapters are: without the inner loop a vector takes a third of the time.
            TLanes only = TRow.Coded ? TLanes.Splat(*scales) : factor, zero = TLanes.Splat(0f);
            for (; o + (2 * TLanes.Count) <= count; o += 2 * TLanes.Count)
            {
                TLanes low = TLanes.MultiplyAdd(TRow.Load(a, o, only), TLanes.Load(q + o), zero);
                TLanes high = TLanes.MultiplyAdd(TRow.Load(a, o + TLanes.Count, only), TLanes.Load(q + o + TLanes.Count), zero);
                TLanes.Store(factor * low, y + o);
                TLanes.Store(factor * high, y + o + TLanes.Count);
            }
        }
        for (; o + TLanes.Count <= count; o += TLanes.Count)
        {
            TLanes sum = TLanes.Splat(0f);
            for (int j = 0; j < rank; j++)
            {
                TLanes by = TRow.Coded ? TLanes.Splat(scales[j]) : factor;
                sum = TLanes.MultiplyAdd(TRow.Load(a + (j * aStride), o, by), TLanes.Load(q + (j * qStride) + o), sum);
            }
            TLanes.Store(from is null ? factor * sum : TLanes.MultiplyAdd(factor, sum, TLanes.Load(from + o)), y + o);
        }
        return o;
    }

    /// <summary>How a stored row of a factor becomes singles.</summary>
    internal interface IFactorRow
    {
        /// <summary>True for codes, which have scales.</summary>
        static abstract bool Coded { get; }

        /// <summary>The numbers from k on; codes are multiplied by <paramref name="scale"/>.</summary>
        static abstract TLanes Load<TLanes>(byte* row, int k, TLanes scale)
            where TLanes : unmanaged, ILanes<TLanes>;
    }

    internal readonly struct F32Row : IFactorRow
    {
        public static bool Coded => false;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static TLanes Load<TLanes>(byte* row, int k, TLanes scale)
            where TLanes : unmanaged, ILanes<TLanes> => TLanes.Load((float*)row + k);
    }

    internal readonly struct BF16Row : IFactorRow
    {
        public static bool Coded => false;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static TLanes Load<TLanes>(byte* row, int k, TLanes scale)
            where TLanes : unmanaged, ILanes<TLanes> => TLanes.LoadBF16((ushort*)row + k);
    }

    internal readonly struct Int8Row : IFactorRow
    {
        public static bool Coded => true;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static TLanes Load<TLanes>(byte* row, int k, TLanes scale)
            where TLanes : unmanaged, ILanes<TLanes> => TLanes.LoadCodes((sbyte*)row + k) * scale;
    }
}
