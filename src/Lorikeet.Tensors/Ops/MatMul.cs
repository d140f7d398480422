using Lorikeet.Kernels;

namespace Lorikeet.Tensors;

/// <summary>The product of two tensors, each transposed or not: c = scale op(a) op(b).</summary>
/// <remarks>Backward: d op(a) = scale dc op(b)^T, d op(b) = scale op(a)^T dc. Saves each where the other wants a gradient.</remarks>
public static class MatMul
{
    /// <summary>c[m, n] = scale * sum over k of op(a)[m, k] op(b)[k, n].</summary>
    /// <param name="run">The run.</param>
    /// <param name="a">[m, k], or [k, m] where <paramref name="transposeA"/>.</param>
    /// <param name="b">[k, n], or [n, k] where <paramref name="transposeB"/>.</param>
    /// <param name="transposeA">Use the transpose of a.</param>
    /// <param name="transposeB">Use the transpose of b.</param>
    /// <param name="scale">A constant factor.</param>
    public static Tensor Forward(Run run, in Tensor a, in Tensor b, bool transposeA = false, bool transposeB = false, float scale = 1f)
    {
        int m = transposeA ? a.Width : a.Rows;
        int k = transposeA ? a.Rows : a.Width;
        int n = transposeB ? b.Rows : b.Width;
        if ((transposeB ? b.Width : b.Rows) != k)
        {
            throw new ArgumentException(
                $"product: a is {a.Shape}{(transposeA ? " transposed" : "")}, b is {b.Shape}{(transposeB ? " transposed" : "")}: inner lengths differ");
        }
        Tensor c = run.Allocate(m, n);
        MatrixProduct.Multiply(a.Span, transposeA, b.Span, transposeB, c.Span, m, n, k, scale);
        return run.Tape is not null && (a.Recorded || b.Recorded)
            ? run.Tape.Record(run, c, new MatMulNode(a, b, transposeA, transposeB, scale, (m, n, k)), b.Recorded ? a : default, a.Recorded ? b : default)
            : c;
    }

    private sealed class MatMulNode(Tensor a, Tensor b, bool transposeA, bool transposeB, float scale, (int M, int N, int K) size) : Node
    {
        public override void Backward(Run run, ref Backprop gradient)
        {
            ReadOnlySpan<float> dc = gradient.Output.Span;
            (int m, int n, int k) = size;
            if (gradient.Wants(a))
            {
                Tensor da = gradient.GradientOf(a, out bool accumulate);
                if (transposeA)
                {
                    MatrixProduct.Multiply(b.Span, transposeB, dc, true, da.Span, k, m, n, scale, accumulate);
                }
                else
                {
                    MatrixProduct.Multiply(dc, false, b.Span, !transposeB, da.Span, m, k, n, scale, accumulate);
                }
            }
            if (gradient.Wants(b))
            {
                Tensor db = gradient.GradientOf(b, out bool accumulate);
                if (transposeB)
                {
                    MatrixProduct.Multiply(dc, true, a.Span, transposeA, db.Span, n, k, m, scale, accumulate);
                }
                else
                {
                    MatrixProduct.Multiply(a.Span, !transposeA, dc, false, db.Span, k, n, m, scale, accumulate);
                }
            }
        }
    }
}
