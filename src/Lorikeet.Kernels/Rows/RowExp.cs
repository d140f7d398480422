using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Lorikeet.Kernels;

/// <summary>The shared middle of softmax, cross-entropy and log-sum-exp: <c>e^(x - shift)</c>, stored or not, and its sum in the order of
/// <see cref="Fold"/>.</summary>
internal static unsafe class RowExp
{
    /// <summary>Stores <c>to[i] = e^(x[i] - shift)</c> (unless <paramref name="to"/> is null) and returns the sum.</summary>
    public static float Run(float* x, float shift, float* to, nint count)
    {
        if (to is null)
        {
            return Fold.Run(new ExpFold(shift), x, x, count);
        }
        return KernelPath.UseAvx2 ? Wide(x, shift, to, count) : Scalar(x, shift, to, count);
    }

    internal static float Scalar(float* x, float shift, float* to, nint count)
    {
        float* chains = stackalloc float[32];
        new Span<float>(chains, 32).Clear();
        for (nint i = 0; i < count; i++)
        {
            to[i] = LaneMath.Exp(new One(x[i] - shift)).Value;
            chains[i & 31] += to[i];
        }
        return Fold.Tree(chains);
    }

    internal static float Wide(float* x, float shift, float* to, nint count)
    {
        Eight minus = Eight.Splat(shift);
        Eight a = default;
        Eight b = default;
        Eight c = default;
        Eight d = default;
        nint i = 0;
        for (; i <= count - 32; i += 32)
        {
            Eight e = LaneMath.Exp(Eight.Load(x + i) - minus);
            Eight.Store(e, to + i);
            a += e;
            e = LaneMath.Exp(Eight.Load(x + i + 8) - minus);
            Eight.Store(e, to + i + 8);
            b += e;
            e = LaneMath.Exp(Eight.Load(x + i + 16) - minus);
            Eight.Store(e, to + i + 16);
            c += e;
            e = LaneMath.Exp(Eight.Load(x + i + 24) - minus);
            Eight.Store(e, to + i + 24);
            d += e;
        }
        nint left = count - i;
        a += Tail(x + i, minus, to + i, left);
        b += Tail(x + i + 8, minus, to + i + 8, left - 8);
        c += Tail(x + i + 16, minus, to + i + 16, left - 16);
        d += Tail(x + i + 24, minus, to + i + 24, left - 24);
        return Eight.Sum((a + b + (c + d)).Value);
    }

    // Sums of exponentials are never -0, so adding 0 in the lanes past the end changes no bit.
    private static Eight Tail(float* x, Eight minus, float* to, nint left)
    {
        if (left <= 0)
        {
            return default;
        }
        Vector256<float> mask = Eight.FirstLanes(Math.Min(left, 8));
        Vector256<float> e = Avx.And(LaneMath.Exp(new Eight(Avx.MaskLoad(x, mask)) - minus).Value, mask);
        Avx.MaskStore(to, mask, e);
        return new Eight(e);
    }

    private readonly struct ExpFold(float shift) : IFold
    {
        public T Step<T>(T sum, T x, T y)
            where T : unmanaged, ILanes<T> => sum + LaneMath.Exp(x - T.Splat(shift));
    }
}
