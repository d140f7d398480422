using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Lorikeet.Kernels;

/// <summary>
/// Three queries by 32 keys (or elements) at a time: twelve accumulators hide the latency of the multiply-adds, and each loaded key serves
/// three queries.
/// </summary>
internal readonly unsafe struct Avx2Tiles : ITileKernels
{
    private const int Tile = Attention.Tile;

    public static void Scores(float* q0, float* q1, float* q2, int count, float* keys, int headDim, float* s)
    {
        if (count == 3)
        {
            Scores3(q0, q1, q2, keys, headDim, s);
            return;
        }
        Scores1(q0, keys, headDim, s);
        if (count == 2)
        {
            Scores1(q1, keys, headDim, s + Tile);
        }
    }

    private static void Scores3(float* q0, float* q1, float* q2, float* keys, int headDim, float* s)
    {
        Vector256<float> a0 = Vector256<float>.Zero, a1 = a0, a2 = a0, a3 = a0;
        Vector256<float> b0 = a0, b1 = a0, b2 = a0, b3 = a0;
        Vector256<float> c0 = a0, c1 = a0, c2 = a0, c3 = a0;
        for (nint d = 0; d < headDim; d++, keys += Tile)
        {
            Vector256<float> a = Avx.BroadcastScalarToVector256(q0 + d);
            Vector256<float> b = Avx.BroadcastScalarToVector256(q1 + d);
            Vector256<float> c = Avx.BroadcastScalarToVector256(q2 + d);
            Vector256<float> k = Avx.LoadVector256(keys);
            a0 = Fma.MultiplyAdd(a, k, a0);
            b0 = Fma.MultiplyAdd(b, k, b0);
            c0 = Fma.MultiplyAdd(c, k, c0);
            k = Avx.LoadVector256(keys + 8);
            a1 = Fma.MultiplyAdd(a, k, a1);
            b1 = Fma.MultiplyAdd(b, k, b1);
            c1 = Fma.MultiplyAdd(c, k, c1);
            k = Avx.LoadVector256(keys + 16);
            a2 = Fma.MultiplyAdd(a, k, a2);
            b2 = Fma.MultiplyAdd(b, k, b2);
            c2 = Fma.MultiplyAdd(c, k, c2);
            k = Avx.LoadVector256(keys + 24);
            a3 = Fma.MultiplyAdd(a, k, a3);
            b3 = Fma.MultiplyAdd(b, k, b3);
            c3 = Fma.MultiplyAdd(c, k, c3);
        }
        Store(s, a0, a1, a2, a3);
        Store(s + Tile, b0, b1, b2, b3);
        Store(s + (2 * Tile), c0, c1, c2, c3);
    }

    private static void Scores1(float* query, float* keys, int headDim, float* s)
    {
        Vector256<float> a0 = Vector256<float>.Zero, a1 = a0, a2 = a0, a3 = a0;
        for (nint d = 0; d < headDim; d++, keys += Tile)
        {
            Vector256<float> a = Avx.BroadcastScalarToVector256(query + d);
            a0 = Fma.MultiplyAdd(a, Avx.LoadVector256(keys), a0);
            a1 = Fma.MultiplyAdd(a, Avx.LoadVector256(keys + 8), a1);
            a2 = Fma.MultiplyAdd(a, Avx.LoadVector256(keys + 16), a2);
            a3 = Fma.MultiplyAdd(a, Avx.LoadVector256(keys + 24), a3);
        }
        Store(s, a0, a1, a2, a3);
    }

    public static float Softmax(float* s, int lo, int hi, float scale, ref float most, ref float sum)
    {
        Vector256<float> factors = Vector256.Create(scale);
        Vector256<float> v0 = Avx.Multiply(Avx.LoadVector256(s), factors);
        Vector256<float> v1 = Avx.Multiply(Avx.LoadVector256(s + 8), factors);
        Vector256<float> v2 = Avx.Multiply(Avx.LoadVector256(s + 16), factors);
        Vector256<float> v3 = Avx.Multiply(Avx.LoadVector256(s + 24), factors);
        bool whole = hi - lo == Tile;
        if (!whole)
        {
            // What a slot that is not seen holds, NaN included, is replaced before anything is computed from it.
            Vector256<float> never = Vector256.Create(float.NegativeInfinity);
            v0 = Avx.BlendVariable(never, v0, Seen(0, lo, hi));
            v1 = Avx.BlendVariable(never, v1, Seen(8, lo, hi));
            v2 = Avx.BlendVariable(never, v2, Seen(16, lo, hi));
            v3 = Avx.BlendVariable(never, v3, Seen(24, lo, hi));
        }
        // The running maximum is the second operand throughout, which vmaxps answers where a score is NaN.
        Vector256<float> running = Vector256.Create(most);
        Vector256<float> m = Avx.Max(Avx.Max(v0, running), Avx.Max(v1, running));
        m = Avx.Max(m, Avx.Max(Avx.Max(v2, running), Avx.Max(v3, running)));
        float next = Eight.Greatest(m);
        Vector256<float> shift = Vector256.Create(next);
        v0 = LaneMath.Exp(new Eight(Avx.Subtract(v0, shift))).Value;
        v1 = LaneMath.Exp(new Eight(Avx.Subtract(v1, shift))).Value;
        v2 = LaneMath.Exp(new Eight(Avx.Subtract(v2, shift))).Value;
        v3 = LaneMath.Exp(new Eight(Avx.Subtract(v3, shift))).Value;
        if (!whole)
        {
            v0 = Avx.And(v0, Seen(0, lo, hi));
            v1 = Avx.And(v1, Seen(8, lo, hi));
            v2 = Avx.And(v2, Seen(16, lo, hi));
            v3 = Avx.And(v3, Seen(24, lo, hi));
        }
        Store(s, v0, v1, v2, v3);
        float factor = next == most ? 1f : LaneMath.Exp(new One(most - next)).Value;
        sum = MathF.FusedMultiplyAdd(sum, factor, Eight.Sum(Avx.Add(Avx.Add(v0, v1), Avx.Add(v2, v3))));
        most = next;
        return factor;
    }

    public static void SoftmaxBackward(float* s, float* d, float* factors, int lo, int hi, float scale, float logSumExp, float dot)
    {
        Vector256<float> scales = Vector256.Create(scale);
        Vector256<float> shift = Vector256.Create(logSumExp);
        Vector256<float> dots = Vector256.Create(dot);
        for (int j = 0; j < Tile; j += 8)
        {
            Vector256<float> seen = Seen(j, lo, hi);
            Vector256<float> p = Avx.Subtract(Avx.Multiply(scales, Avx.LoadVector256(s + j)), shift);
            p = Avx.And(LaneMath.Exp(new Eight(p)).Value, seen);
            Vector256<float> slope = Avx.Multiply(Avx.Multiply(p, Avx.Subtract(Avx.LoadVector256(d + j), dots)), Avx.LoadVector256(factors + j));
            Avx.Store(s + j, p);
            Avx.Store(d + j, Avx.And(slope, seen));
        }
    }

    public static void Bend(in ScoreCurve curve, float* s, float* factors, int head, int first, int position) =>
        curve.Apply<Eight>(s, factors, head, first, position);

    public static void Accumulate(
        float* to0, float* to1, float* to2, int count, Weights weights, float* vectors, nint vectorStride, int lo, int hi, int width)
    {
        if (count == 3)
        {
            Accumulate3(to0, to1, to2, weights, vectors, vectorStride, lo, hi, width);
            return;
        }
        Accumulate1(to0, weights.W0, weights.Factor0, weights.Stride, vectors, vectorStride, lo, hi, width);
        if (count == 2)
        {
            Accumulate1(to1, weights.W1, weights.Factor1, weights.Stride, vectors, vectorStride, lo, hi, width);
        }
    }

    private static void Accumulate3(
        float* to0, float* to1, float* to2, Weights weights, float* vectors, nint vectorStride, int lo, int hi, int width)
    {
        nint step = weights.Stride;
        int column = 0;
        for (; column <= width - 32; column += 32)
        {
            Vector256<float> f = Vector256.Create(weights.Factor0);
            Vector256<float> a0 = Avx.Multiply(f, Avx.LoadVector256(to0 + column));
            Vector256<float> a1 = Avx.Multiply(f, Avx.LoadVector256(to0 + column + 8));
            Vector256<float> a2 = Avx.Multiply(f, Avx.LoadVector256(to0 + column + 16));
            Vector256<float> a3 = Avx.Multiply(f, Avx.LoadVector256(to0 + column + 24));
            f = Vector256.Create(weights.Factor1);
            Vector256<float> b0 = Avx.Multiply(f, Avx.LoadVector256(to1 + column));
            Vector256<float> b1 = Avx.Multiply(f, Avx.LoadVector256(to1 + column + 8));
            Vector256<float> b2 = Avx.Multiply(f, Avx.LoadVector256(to1 + column + 16));
            Vector256<float> b3 = Avx.Multiply(f, Avx.LoadVector256(to1 + column + 24));
            f = Vector256.Create(weights.Factor2);
            Vector256<float> c0 = Avx.Multiply(f, Avx.LoadVector256(to2 + column));
            Vector256<float> c1 = Avx.Multiply(f, Avx.LoadVector256(to2 + column + 8));
            Vector256<float> c2 = Avx.Multiply(f, Avx.LoadVector256(to2 + column + 16));
            Vector256<float> c3 = Avx.Multiply(f, Avx.LoadVector256(to2 + column + 24));
            float* w0 = weights.W0 + (lo * step);
            float* w1 = weights.W1 + (lo * step);
            float* w2 = weights.W2 + (lo * step);
            float* v = vectors + (lo * vectorStride) + column;
            for (int j = lo; j < hi; j++, w0 += step, w1 += step, w2 += step, v += vectorStride)
            {
                Vector256<float> a = Avx.BroadcastScalarToVector256(w0);
                Vector256<float> b = Avx.BroadcastScalarToVector256(w1);
                Vector256<float> c = Avx.BroadcastScalarToVector256(w2);
                Vector256<float> x = Avx.LoadVector256(v);
                a0 = Fma.MultiplyAdd(a, x, a0);
                b0 = Fma.MultiplyAdd(b, x, b0);
                c0 = Fma.MultiplyAdd(c, x, c0);
                x = Avx.LoadVector256(v + 8);
                a1 = Fma.MultiplyAdd(a, x, a1);
                b1 = Fma.MultiplyAdd(b, x, b1);
                c1 = Fma.MultiplyAdd(c, x, c1);
                x = Avx.LoadVector256(v + 16);
                a2 = Fma.MultiplyAdd(a, x, a2);
                b2 = Fma.MultiplyAdd(b, x, b2);
                c2 = Fma.MultiplyAdd(c, x, c2);
                x = Avx.LoadVector256(v + 24);
                a3 = Fma.MultiplyAdd(a, x, a3);
                b3 = Fma.MultiplyAdd(b, x, b3);
                c3 = Fma.MultiplyAdd(c, x, c3);
            }
            Store(to0 + column, a0, a1, a2, a3);
            Store(to1 + column, b0, b1, b2, b3);
            Store(to2 + column, c0, c1, c2, c3);
        }
        if (column < width)
        {
            Narrow(to0 + column, weights.W0, weights.Factor0, step, vectors + column, vectorStride, lo, hi, width - column);
            Narrow(to1 + column, weights.W1, weights.Factor1, step, vectors + column, vectorStride, lo, hi, width - column);
            Narrow(to2 + column, weights.W2, weights.Factor2, step, vectors + column, vectorStride, lo, hi, width - column);
        }
    }

    private static void Accumulate1(
        float* to, float* weights, float factor, nint step, float* vectors, nint vectorStride, int lo, int hi, int width)
    {
        int column = 0;
        for (; column <= width - 64; column += 64)
        {
            float* t = to + column;
            Vector256<float> f = Vector256.Create(factor);
            Vector256<float> a0 = Avx.Multiply(f, Avx.LoadVector256(t)), a1 = Avx.Multiply(f, Avx.LoadVector256(t + 8));
            Vector256<float> a2 = Avx.Multiply(f, Avx.LoadVector256(t + 16)), a3 = Avx.Multiply(f, Avx.LoadVector256(t + 24));
            Vector256<float> a4 = Avx.Multiply(f, Avx.LoadVector256(t + 32)), a5 = Avx.Multiply(f, Avx.LoadVector256(t + 40));
            Vector256<float> a6 = Avx.Multiply(f, Avx.LoadVector256(t + 48)), a7 = Avx.Multiply(f, Avx.LoadVector256(t + 56));
            float* w = weights + (lo * step);
            float* v = vectors + (lo * vectorStride) + column;
            for (int j = lo; j < hi; j++, w += step, v += vectorStride)
            {
                Vector256<float> a = Avx.BroadcastScalarToVector256(w);
                a0 = Fma.MultiplyAdd(a, Avx.LoadVector256(v), a0);
                a1 = Fma.MultiplyAdd(a, Avx.LoadVector256(v + 8), a1);
                a2 = Fma.MultiplyAdd(a, Avx.LoadVector256(v + 16), a2);
                a3 = Fma.MultiplyAdd(a, Avx.LoadVector256(v + 24), a3);
                a4 = Fma.MultiplyAdd(a, Avx.LoadVector256(v + 32), a4);
                a5 = Fma.MultiplyAdd(a, Avx.LoadVector256(v + 40), a5);
                a6 = Fma.MultiplyAdd(a, Avx.LoadVector256(v + 48), a6);
                a7 = Fma.MultiplyAdd(a, Avx.LoadVector256(v + 56), a7);
            }
            Store(t, a0, a1, a2, a3);
            Store(t + 32, a4, a5, a6, a7);
        }
        if (column < width)
        {
            Narrow(to + column, weights, factor, step, vectors + column, vectorStride, lo, hi, width - column);
        }
    }

    // What is left of a width that is no multiple of 32: eight elements at a time, the last of them masked.
    private static void Narrow(
        float* to, float* weights, float factor, nint step, float* vectors, nint vectorStride, int lo, int hi, int width)
    {
        for (int column = 0; column < width; column += 8)
        {
            Vector256<float> mask = Eight.FirstLanes(Math.Min(width - column, 8));
            Vector256<float> sum = Avx.Multiply(Vector256.Create(factor), Avx.MaskLoad(to + column, mask));
            for (int j = lo; j < hi; j++)
            {
                Vector256<float> w = Avx.BroadcastScalarToVector256(weights + (j * step));
                sum = Fma.MultiplyAdd(w, Avx.MaskLoad(vectors + (j * vectorStride) + column, mask), sum);
            }
            Avx.MaskStore(to + column, mask, sum);
        }
    }

    public static void Transpose(float* from, nint stride, int rows, int width, float* to, int column) =>
        Transposes.Copy(from, stride, rows, width, to + column, Tile);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Store(float* to, Vector256<float> v0, Vector256<float> v1, Vector256<float> v2, Vector256<float> v3)
    {
        Avx.Store(to, v0);
        Avx.Store(to + 8, v1);
        Avx.Store(to + 16, v2);
        Avx.Store(to + 24, v3);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<float> Seen(int first, int lo, int hi)
    {
        Vector256<int> lane = Avx2.Add(Vector256.Create(0, 1, 2, 3, 4, 5, 6, 7), Vector256.Create(first));
        return Avx2.AndNot(
            Avx2.CompareGreaterThan(Vector256.Create(lo), lane), Avx2.CompareGreaterThan(Vector256.Create(hi), lane)).AsSingle();
    }
}
