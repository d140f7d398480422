using System.Numerics;
using System.Runtime.InteropServices;

namespace Lorikeet.Kernels;

/// <summary>Sums, products and extremes over spans, and over the rows and columns of matrices.</summary>
/// <remarks>
/// The order of every sum depends on lengths alone, never on the address or the number of threads. Long spans are summed in blocks of at
/// least 65,536 elements, on the team, and the blocks' sums are added in ascending order.
/// </remarks>
public static unsafe partial class Reduce
{
    /// <summary>The sum of all elements, in float chains; 0 for an empty span.</summary>
    /// <param name="x">The elements.</param>
    public static float Sum(ReadOnlySpan<float> x) => (float)Run(x, x, FoldKind.Sum);

    /// <summary>The sum of all elements, in double chains; 0 for an empty span.</summary>
    /// <param name="x">The elements.</param>
    public static double SumDouble(ReadOnlySpan<float> x) => Run(x, x, FoldKind.SumDouble);

    /// <summary>The sum of <c>x[i]^2</c>, in double chains and rounded once; infinite where it exceeds the range of float.</summary>
    /// <param name="x">The elements.</param>
    public static float SumOfSquares(ReadOnlySpan<float> x) => (float)Run(x, x, FoldKind.DotDouble);

    /// <summary>The sum of <c>x[i]^2</c>, in double chains.</summary>
    /// <param name="x">The elements.</param>
    public static double SumOfSquaresDouble(ReadOnlySpan<float> x) => Run(x, x, FoldKind.DotDouble);

    /// <summary>The sum of <c>x[i] * y[i]</c>, in float chains.</summary>
    /// <param name="x">The first factor.</param>
    /// <param name="y">The second factor, as long as <paramref name="x"/>.</param>
    /// <exception cref="ArgumentException">The lengths differ.</exception>
    public static float Dot(ReadOnlySpan<float> x, ReadOnlySpan<float> y)
    {
        RowArguments.Length(y, x.Length);
        return (float)Run(x, y, FoldKind.Dot);
    }

    /// <summary>The sum of <c>x[i] * y[i]</c>, in double chains.</summary>
    /// <param name="x">The first factor.</param>
    /// <param name="y">The second factor, as long as <paramref name="x"/>.</param>
    /// <exception cref="ArgumentException">The lengths differ.</exception>
    public static double DotDouble(ReadOnlySpan<float> x, ReadOnlySpan<float> y)
    {
        RowArguments.Length(y, x.Length);
        return Run(x, y, FoldKind.DotDouble);
    }

    /// <summary>The greatest element; NaN is passed over. Negative infinity where there is none.</summary>
    /// <param name="x">The elements.</param>
    public static float Max(ReadOnlySpan<float> x)
    {
        fixed (float* px = x)
        {
            return Extremes.Max(px, x.Length);
        }
    }

    /// <summary>The index of the greatest element, the first of equals; NaN is passed over. -1 where all are NaN, or there is
    /// none.</summary>
    /// <param name="x">The elements.</param>
    public static int ArgMax(ReadOnlySpan<float> x)
    {
        fixed (float* px = x)
        {
            return (int)Extremes.IndexOf(px, x.Length, Extremes.Max(px, x.Length));
        }
    }

    /// <summary>True where no element is NaN or infinite.</summary>
    /// <param name="x">The elements.</param>
    public static bool AllFinite(ReadOnlySpan<float> x)
    {
        fixed (float* px = x)
        {
            return Extremes.AllFinite(px, x.Length);
        }
    }

    /// <summary>True where no stored element is NaN or infinite.</summary>
    /// <param name="x">Whole elements.</param>
    /// <param name="type">How they are stored.</param>
    public static bool AllFinite(ReadOnlySpan<byte> x, ElementType type)
    {
        if (type == ElementType.F32)
        {
            return AllFinite(MemoryMarshal.Cast<byte, float>(x));
        }
        // An exponent of ones alone stands for what is not finite.
        ushort exponent = (ushort)(type == ElementType.BF16 ? 0x7F80 : 0x7C00);
        Vector<ushort> mask = new(exponent);
        ReadOnlySpan<ushort> halves = MemoryMarshal.Cast<byte, ushort>(x);
        ReadOnlySpan<Vector<ushort>> wide = MemoryMarshal.Cast<ushort, Vector<ushort>>(halves);
        for (int i = 0; i < wide.Length; i++)
        {
            if (Vector.EqualsAny(wide[i] & mask, mask))
            {
                return false;
            }
        }
        foreach (ushort half in halves[(wide.Length * Vector<ushort>.Count)..])
        {
            if ((half & exponent) == exponent)
            {
                return false;
            }
        }
        return true;
    }

    private const int LeastBlock = 65_536;
    private const int MostBlocks = 1_024;

    private static double Run(ReadOnlySpan<float> x, ReadOnlySpan<float> y, FoldKind kind)
    {
        // A multiple of 32 whatever the length, so that a block's chains start where the whole's would.
        int block = (Math.Max(LeastBlock, (int)(((long)x.Length + MostBlocks - 1) / MostBlocks)) + 31) & ~31;
        int blocks = (int)(((long)x.Length + block - 1) / block);
        double* partial = stackalloc double[Math.Max(1, blocks)];
        fixed (float* px = x, py = y)
        {
            FoldJob job = new() { X = px, Y = py, Count = x.Length, Block = block, Kind = kind, Partial = partial };
            Team.Shared.Run(ref job, blocks);
        }
        double sum = 0;
        for (int i = 0; i < blocks; i++)
        {
            sum += partial[i];
        }
        return sum;
    }

    private enum FoldKind
    {
        Sum,
        Dot,
        SumDouble,
        DotDouble,
    }

    private struct FoldJob : IJob
    {
        public float* X;
        public float* Y;
        public nint Count;
        public int Block;
        public FoldKind Kind;
        public double* Partial;

        public readonly void Execute(int chunk)
        {
            nint start = (nint)chunk * Block;
            nint length = Math.Min(Block, Count - start);
            Partial[chunk] = Kind switch
            {
                FoldKind.Sum => Fold.Sum(X + start, length),
                FoldKind.Dot => Fold.Dot(X + start, Y + start, length),
                FoldKind.SumDouble => DoubleFold.Run(X + start, null, length),
                _ => DoubleFold.Run(X + start, Y + start, length),
            };
        }
    }
}
