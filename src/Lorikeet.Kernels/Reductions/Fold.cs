using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Lorikeet.Kernels;

/// <summary>One step of a reduction over the pairs (x[i], y[i]).</summary>
internal interface IFold
{
    T Step<T>(T sum, T x, T y)
        where T : unmanaged, ILanes<T>;
}

internal readonly struct SumFold : IFold
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public T Step<T>(T sum, T x, T y)
        where T : unmanaged, ILanes<T> => sum + x;
}

internal readonly struct DotFold : IFold
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public T Step<T>(T sum, T x, T y)
        where T : unmanaged, ILanes<T> => T.MultiplyAdd(x, y, sum);
}

/// <summary>Squares of distances from a mean.</summary>
internal readonly struct DeviationFold(float mean) : IFold
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public T Step<T>(T sum, T x, T y)
        where T : unmanaged, ILanes<T>
    {
        T d = x - T.Splat(mean);
        return T.MultiplyAdd(d, d, sum);
    }
}

/// <summary>
/// Folds an array into one float in an order that depends on its length alone: element i belongs to chain i mod 32, each chain is
/// ascending, and the 32 chains (four vectors a, b, c, d of eight lanes) are added as (a + b) + (c + d), then by <see cref="Eight.Sum"/>.
/// </summary>
internal static unsafe class Fold
{
    public static float Sum(float* x, nint count) => Run(default(SumFold), x, x, count);

    public static float Dot(float* x, float* y, nint count) => Run(default(DotFold), x, y, count);

    public static float Run<TFold>(TFold fold, float* x, float* y, nint count)
        where TFold : unmanaged, IFold => KernelPath.UseAvx2 ? Wide(fold, x, y, count) : Scalar(fold, x, y, count);

    internal static float Scalar<TFold>(TFold fold, float* x, float* y, nint count)
        where TFold : unmanaged, IFold
    {
        float* chains = stackalloc float[32];
        new Span<float>(chains, 32).Clear();
        for (nint i = 0; i < count; i++)
        {
            float* chain = chains + (i & 31);
            *chain = fold.Step(new One(*chain), new One(x[i]), new One(y[i])).Value;
        }
        return Tree(chains);
    }

    /// <summary>The tree over 32 chains, as <see cref="Wide"/> adds them.</summary>
    internal static float Tree(float* chains)
    {
        float* lanes = stackalloc float[8];
        for (int i = 0; i < 8; i++)
        {
            lanes[i] = chains[i] + chains[i + 8] + (chains[i + 16] + chains[i + 24]);
        }
        float a = lanes[0] + lanes[4] + (lanes[2] + lanes[6]);
        float b = lanes[1] + lanes[5] + (lanes[3] + lanes[7]);
        return a + b;
    }

    internal static float Wide<TFold>(TFold fold, float* x, float* y, nint count)
        where TFold : unmanaged, IFold
    {
        Eight a = default;
        Eight b = default;
        Eight c = default;
        Eight d = default;
        nint i = 0;
        for (; i <= count - 32; i += 32)
        {
            a = fold.Step(a, Eight.Load(x + i), Eight.Load(y + i));
            b = fold.Step(b, Eight.Load(x + i + 8), Eight.Load(y + i + 8));
            c = fold.Step(c, Eight.Load(x + i + 16), Eight.Load(y + i + 16));
            d = fold.Step(d, Eight.Load(x + i + 24), Eight.Load(y + i + 24));
        }
        nint left = count - i;
        a = Tail(fold, a, x + i, y + i, left);
        b = Tail(fold, b, x + i + 8, y + i + 8, left - 8);
        c = Tail(fold, c, x + i + 16, y + i + 16, left - 16);
        d = Tail(fold, d, x + i + 24, y + i + 24, left - 24);
        return Eight.Sum((a + b + (c + d)).Value);
    }

    // Lanes past the end keep their chain: a step on a masked zero is not nothing for every fold.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Eight Tail<TFold>(TFold fold, Eight sum, float* x, float* y, nint left)
        where TFold : unmanaged, IFold
    {
        if (left <= 0)
        {
            return sum;
        }
        Vector256<float> mask = Eight.FirstLanes(Math.Min(left, 8));
        Eight next = fold.Step(sum, new Eight(Avx.MaskLoad(x, mask)), new Eight(Avx.MaskLoad(y, mask)));
        return new Eight(Avx.BlendVariable(sum.Value, next.Value, mask));
    }
}
