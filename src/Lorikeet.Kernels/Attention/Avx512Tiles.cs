using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Lorikeet.Kernels;

/// <summary>
/// Three queries by 32 keys (or 64 elements) at a time with AVX-512: six chains of scores, bound by the latency of the multiply-adds, and twelve of values, bound
/// by arithmetic. Sums and maxima fold in the tree of <see cref="Avx2Tiles"/>.
/// </summary>
internal readonly unsafe struct Avx512Tiles : ITileKernels
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
        Vector512<float> a0 = Vector512<float>.Zero, a1 = a0, b0 = a0, b1 = a0, c0 = a0, c1 = a0;
        for (nint d = 0; d < headDim; d++, keys += Tile)
        {
            Vector512<float> k0 = Avx512F.LoadVector512(keys), k1 = Avx512F.LoadVector512(keys + 16);
            Vector512<float> value = Vector512.Create(q0[d]);
            a0 = Avx512F.FusedMultiplyAdd(value, k0, a0);
            a1 = Avx512F.FusedMultiplyAdd(value, k1, a1);
            value = Vector512.Create(q1[d]);
            b0 = Avx512F.FusedMultiplyAdd(value, k0, b0);
            b1 = Avx512F.FusedMultiplyAdd(value, k1, b1);
            value = Vector512.Create(q2[d]);
            c0 = Avx512F.FusedMultiplyAdd(value, k0, c0);
            c1 = Avx512F.FusedMultiplyAdd(value, k1, c1);
        }
        Store(s, a0, a1);
        Store(s + Tile, b0, b1);
        Store(s + (2 * Tile), c0, c1);
    }

    private static void Scores1(float* query, float* keys, int headDim, float* s)
    {
        Vector512<float> a0 = Vector512<float>.Zero, a1 = a0;
        for (nint d = 0; d < headDim; d++, keys += Tile)
        {
            Vector512<float> value = Vector512.Create(query[d]);
            a0 = Avx512F.FusedMultiplyAdd(value, Avx512F.LoadVector512(keys), a0);
            a1 = Avx512F.FusedMultiplyAdd(value, Avx512F.LoadVector512(keys + 16), a1);
        }
        Store(s, a0, a1);
    }

    public static float Softmax(float* s, int lo, int hi, float scale, ref float most, ref float sum)
    {
        Vector512<float> factors = Vector512.Create(scale);
        Vector512<float> v0 = Avx512F.Multiply(Avx512F.LoadVector512(s), factors);
        Vector512<float> v1 = Avx512F.Multiply(Avx512F.LoadVector512(s + 16), factors);
        bool whole = hi - lo == Tile;
        if (!whole)
        {
            // What a slot that is not seen holds, NaN included, is replaced before anything is computed from it.
            Vector512<float> never = Vector512.Create(float.NegativeInfinity);
            v0 = Vector512.ConditionalSelect(Seen(0, lo, hi), v0, never);
            v1 = Vector512.ConditionalSelect(Seen(16, lo, hi), v1, never);
        }
        // The running maximum is the second operand throughout, which vmaxps answers where a score is NaN.
        Vector512<float> running = Vector512.Create(most);
        Vector512<float> m = Avx512F.Max(Avx512F.Max(v0, running), Avx512F.Max(v1, running));
        float next = Eight.Greatest(Avx.Max(m.GetLower(), m.GetUpper()));
        Vector512<float> shift = Vector512.Create(next);
        v0 = LaneMath.Exp(new Sixteen(Avx512F.Subtract(v0, shift))).Value;
        v1 = LaneMath.Exp(new Sixteen(Avx512F.Subtract(v1, shift))).Value;
        if (!whole)
        {
            v0 = Vector512.ConditionalSelect(Seen(0, lo, hi), v0, Vector512<float>.Zero);
            v1 = Vector512.ConditionalSelect(Seen(16, lo, hi), v1, Vector512<float>.Zero);
        }
        Store(s, v0, v1);
        float factor = next == most ? 1f : LaneMath.Exp(new One(most - next)).Value;
        Vector256<float> fold = Avx.Add(Avx.Add(v0.GetLower(), v0.GetUpper()), Avx.Add(v1.GetLower(), v1.GetUpper()));
        sum = MathF.FusedMultiplyAdd(sum, factor, Eight.Sum(fold));
        most = next;
        return factor;
    }

    public static void SoftmaxBackward(float* s, float* d, float* factors, int lo, int hi, float scale, float logSumExp, float dot) =>
        Avx2Tiles.SoftmaxBackward(s, d, factors, lo, hi, scale, logSumExp, dot);

    public static void Bend(in ScoreCurve curve, float* s, float* factors, int head, int first, int position) =>
        Avx2Tiles.Bend(curve, s, factors, head, first, position);

    public static void Accumulate(
        float* to0, float* to1, float* to2, int count, Weights weights, float* vectors, nint vectorStride, int lo, int hi, int width)
    {
        int whole = width / 64 * 64;
        for (int column = 0; column < whole; column += 64)
        {
            if (count == 3)
            {
                Accumulate3(to0 + column, to1 + column, to2 + column, weights, vectors + column, vectorStride, lo, hi);
                continue;
            }
            Accumulate1(to0 + column, weights.W0, weights.Factor0, weights.Stride, vectors + column, vectorStride, lo, hi);
            if (count == 2)
            {
                Accumulate1(to1 + column, weights.W1, weights.Factor1, weights.Stride, vectors + column, vectorStride, lo, hi);
            }
        }
        if (whole < width)
        {
            Avx2Tiles.Accumulate(to0 + whole, to1 + whole, to2 + whole, count, weights, vectors + whole, vectorStride, lo, hi, width - whole);
        }
    }

    private static void Accumulate3(float* to0, float* to1, float* to2, Weights weights, float* vectors, nint vectorStride, int lo, int hi)
    {
        nint step = weights.Stride;
        Vector512<float> f0 = Vector512.Create(weights.Factor0);
        Vector512<float> a0 = Avx512F.Multiply(f0, Avx512F.LoadVector512(to0)), a1 = Avx512F.Multiply(f0, Avx512F.LoadVector512(to0 + 16));
        Vector512<float> a2 = Avx512F.Multiply(f0, Avx512F.LoadVector512(to0 + 32)), a3 = Avx512F.Multiply(f0, Avx512F.LoadVector512(to0 + 48));
        Vector512<float> f1 = Vector512.Create(weights.Factor1);
        Vector512<float> b0 = Avx512F.Multiply(f1, Avx512F.LoadVector512(to1)), b1 = Avx512F.Multiply(f1, Avx512F.LoadVector512(to1 + 16));
        Vector512<float> b2 = Avx512F.Multiply(f1, Avx512F.LoadVector512(to1 + 32)), b3 = Avx512F.Multiply(f1, Avx512F.LoadVector512(to1 + 48));
        Vector512<float> f2 = Vector512.Create(weights.Factor2);
        Vector512<float> c0 = Avx512F.Multiply(f2, Avx512F.LoadVector512(to2)), c1 = Avx512F.Multiply(f2, Avx512F.LoadVector512(to2 + 16));
        Vector512<float> c2 = Avx512F.Multiply(f2, Avx512F.LoadVector512(to2 + 32)), c3 = Avx512F.Multiply(f2, Avx512F.LoadVector512(to2 + 48));
        float* w0 = weights.W0 + (lo * step);
        float* w1 = weights.W1 + (lo * step);
        float* w2 = weights.W2 + (lo * step);
        float* v = vectors + (lo * vectorStride);
        for (int j = lo; j < hi; j++, w0 += step, w1 += step, w2 += step, v += vectorStride)
        {
            Vector512<float> a = Vector512.Create(*w0), b = Vector512.Create(*w1), c = Vector512.Create(*w2);
            Vector512<float> x = Avx512F.LoadVector512(v);
            a0 = Avx512F.FusedMultiplyAdd(a, x, a0);
            b0 = Avx512F.FusedMultiplyAdd(b, x, b0);
            c0 = Avx512F.FusedMultiplyAdd(c, x, c0);
            x = Avx512F.LoadVector512(v + 16);
            a1 = Avx512F.FusedMultiplyAdd(a, x, a1);
            b1 = Avx512F.FusedMultiplyAdd(b, x, b1);
            c1 = Avx512F.FusedMultiplyAdd(c, x, c1);
            x = Avx512F.LoadVector512(v + 32);
            a2 = Avx512F.FusedMultiplyAdd(a, x, a2);
            b2 = Avx512F.FusedMultiplyAdd(b, x, b2);
            c2 = Avx512F.FusedMultiplyAdd(c, x, c2);
            x = Avx512F.LoadVector512(v + 48);
            a3 = Avx512F.FusedMultiplyAdd(a, x, a3);
            b3 = Avx512F.FusedMultiplyAdd(b, x, b3);
            c3 = Avx512F.FusedMultiplyAdd(c, x, c3);
        }
        Store(to0, a0, a1);
        Store(to0 + 32, a2, a3);
        Store(to1, b0, b1);
        Store(to1 + 32, b2, b3);
        Store(to2, c0, c1);
        Store(to2 + 32, c2, c3);
    }

    private static void Accumulate1(float* to, float* weights, float factor, nint step, float* vectors, nint vectorStride, int lo, int hi)
    {
        Vector512<float> f = Vector512.Create(factor);
        Vector512<float> a0 = Avx512F.Multiply(f, Avx512F.LoadVector512(to)), a1 = Avx512F.Multiply(f, Avx512F.LoadVector512(to + 16));
        Vector512<float> a2 = Avx512F.Multiply(f, Avx512F.LoadVector512(to + 32)), a3 = Avx512F.Multiply(f, Avx512F.LoadVector512(to + 48));
        float* w = weights + (lo * step);
        float* v = vectors + (lo * vectorStride);
        for (int j = lo; j < hi; j++, w += step, v += vectorStride)
        {
            Vector512<float> a = Vector512.Create(*w);
            a0 = Avx512F.FusedMultiplyAdd(a, Avx512F.LoadVector512(v), a0);
            a1 = Avx512F.FusedMultiplyAdd(a, Avx512F.LoadVector512(v + 16), a1);
            a2 = Avx512F.FusedMultiplyAdd(a, Avx512F.LoadVector512(v + 32), a2);
            a3 = Avx512F.FusedMultiplyAdd(a, Avx512F.LoadVector512(v + 48), a3);
        }
        Store(to, a0, a1);
        Store(to + 32, a2, a3);
    }

    public static void Transpose(float* from, nint stride, int rows, int width, float* to, int column) =>
        Transposes.Copy(from, stride, rows, width, to + column, Tile);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Store(float* to, Vector512<float> v0, Vector512<float> v1)
    {
        Avx512F.Store(to, v0);
        Avx512F.Store(to + 16, v1);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<float> Seen(int first, int lo, int hi)
    {
        Vector512<int> lane = Avx512F.Add(Vector512<int>.Indices, Vector512.Create(first));
        return (Avx512F.CompareGreaterThanOrEqual(lane, Vector512.Create(lo)) & Avx512F.CompareLessThan(lane, Vector512.Create(hi))).AsSingle();
    }
}
