using Lorikeet.Kernels;

namespace Lorikeet.Tensors;

/// <summary>The low-rank change of LoRA: y += s B (A x).</summary>
/// <remarks>
/// Source: Hu et al., arXiv 2106.09685, Eq. 3. Backward, with h = x A^T [rows, r] kept and g = s dy B [rows, r]:
/// dB = s dy^T h, dA = g^T x, dx += g A; dy passes to y.
/// </remarks>
public static class LowRankAdd
{
    /// <summary>Adds in place; the result shares the memory of <paramref name="y"/>, whose old value is gone.</summary>
    /// <param name="run">The run.</param>
    /// <param name="y">[rows, outputs], overwritten.</param>
    /// <param name="x">[rows, inputs].</param>
    /// <param name="a">A, [r, inputs].</param>
    /// <param name="b">B, [outputs, r].</param>
    /// <param name="scale">s, most often alpha / r.</param>
    public static Tensor Into(Run run, in Tensor y, in Tensor x, in Tensor a, in Tensor b, float scale)
    {
        int rank = a.Rows;
        if (a.Width != x.Width || b.Width != rank || b.Rows != y.Width || x.Rows != y.Rows)
        {
            throw new ArgumentException($"low-rank change: y {y.Shape}, x {x.Shape}, A {a.Shape}, B {b.Shape} do not fit y += s B (A x)");
        }
        bool recorded = run.Tape is not null && (y.Recorded || x.Recorded || a.Recorded || b.Recorded);
        run.Tape?.Overwrite(y);
        ArenaMark mark = run.Arena.Mark;
        Tensor h = run.Allocate(x.Rows, rank);
        MatrixProduct.Multiply(x.Span, false, a.Span, true, h.Span, x.Rows, rank, x.Width);
        MatrixProduct.Multiply(h.Span, false, b.Span, true, y.Span, x.Rows, y.Width, rank, scale, true);
        if (recorded)
        {
            return run.Tape!.Record(run, y, new LowRankAddNode(y, x, a, b, h, scale), a.Recorded ? x : default, a, b, h);
        }
        run.Arena.Release(mark);
        return y;
    }

    private sealed class LowRankAddNode(Tensor y, Tensor x, Tensor a, Tensor b, Tensor h, float scale) : Node
    {
        public override void Backward(Run run, ref Backprop gradient)
        {
            Tensor dy = gradient.Output;
            int rows = dy.Rows, rank = a.Rows;
            if (gradient.Wants(b))
            {
                Tensor db = gradient.GradientOf(b, out bool accumulate);
                MatrixProduct.Multiply(dy.Span, true, h.Span, false, db.Span, b.Rows, rank, rows, scale, accumulate);
            }
            if (gradient.Wants(a) || gradient.Wants(x))
            {
                ArenaMark mark = run.Arena.Mark;
                Tensor g = run.Allocate(rows, rank);
                MatrixProduct.Multiply(dy.Span, false, b.Span, false, g.Span, rows, rank, dy.Width, scale);
                if (gradient.Wants(a))
                {
                    Tensor da = gradient.GradientOf(a, out bool accumulate);
                    MatrixProduct.Multiply(g.Span, true, x.Span, false, da.Span, rank, x.Width, rows, 1f, accumulate);
                }
                if (gradient.Wants(x))
                {
                    Tensor dx = gradient.GradientOf(x, out bool accumulate);
                    MatrixProduct.Multiply(g.Span, false, a.Span, false, dx.Span, rows, x.Width, rank, 1f, accumulate);
                }
                run.Arena.Release(mark);
            }
            gradient.Give(y);
        }
    }
}
