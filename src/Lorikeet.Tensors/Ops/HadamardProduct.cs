using Lorikeet.Kernels;

namespace Lorikeet.Tensors;

/// <summary>FLoRA's weight change around one shared product: y = scale * sum over j of A[j] o (W (B[j] o x)).</summary>
/// <remarks>
/// Source: Wen and Chaudhuri, arXiv 2312.05677, Eq. 5-6; W here is [outputs, inputs]. The rank copies of each row go through W as rows of one
/// product. Backward, with u_j = W (B[j] o x) kept and v_j = W^T (A[j] o dy): dA[j] = scale sum dy o u_j, dB[j] = scale sum x o v_j,
/// dx = scale sum over j of B[j] o v_j.
/// </remarks>
public static class HadamardProduct
{
    /// <summary>y[i, :] = scale * sum over j of A[j, :] o W (B[j, :] o x[i, :]).</summary>
    /// <param name="run">The run.</param>
    /// <param name="x">[rows, inputs].</param>
    /// <param name="weight">The frozen weight, [outputs, inputs].</param>
    /// <param name="a">A, [r, outputs].</param>
    /// <param name="b">B transposed, [r, inputs].</param>
    /// <param name="scale">1/r for the mean, 1 for the sum, s for the residual form.</param>
    /// <returns>[rows, outputs].</returns>
    public static Tensor Forward(Run run, in Tensor x, Weight weight, in Tensor a, in Tensor b, float scale)
    {
        int rank = a.Rows;
        if (b.Rows != rank || b.Width != weight.Inputs || a.Width != weight.Outputs || x.Width != weight.Inputs)
        {
            throw new ArgumentException(
                $"Hadamard product: x {x.Shape}, W [{weight.Outputs}, {weight.Inputs}], A {a.Shape}, B {b.Shape}: A is [r, outputs], B [r, inputs]");
        }
        Tensor y = run.Allocate(x.Rows, weight.Outputs);
        bool recorded = run.Tape is not null && (x.Recorded || a.Recorded || b.Recorded);
        ArenaMark mark = run.Arena.Mark;
        Tensor u = run.Allocate(checked(x.Rows * rank), weight.Outputs);
        ArenaMark kept = run.Arena.Mark;
        Tensor expanded = run.Allocate(u.Rows, weight.Inputs);
        Hadamard.Expand(x.Span, x.Rows, x.Width, b.Span, rank, expanded.Span);
        weight.Multiply(run, weight.Prepare(run, expanded), u);
        Hadamard.Reduce(u.Span, x.Rows, weight.Outputs, a.Span, rank, scale, y.Span);
        if (recorded)
        {
            run.Arena.Release(kept);
            return run.Tape!.Record(run, y, new HadamardNode(x, weight, a, b, u, scale));
        }
        run.Arena.Release(mark);
        return y;
    }

    private sealed class HadamardNode(Tensor x, Weight weight, Tensor a, Tensor b, Tensor u, float scale) : Node
    {
        public override void Backward(Run run, ref Backprop gradient)
        {
            Tensor dy = gradient.Output;
            int rows = x.Rows, rank = a.Rows;
            ArenaMark mark = run.Arena.Mark;
            if (gradient.Wants(a))
            {
                Span<float> da = gradient.GradientToAddTo(a).Span;
                for (int i = 0; i < rows; i++)
                {
                    for (int j = 0; j < rank; j++)
                    {
                        // scale is applied to the sum's terms: dA[j] += scale dy o u_j.
                        AddProduct(scale, dy.Row(i), u.Row((i * rank) + j), da.Slice(j * a.Width, a.Width), run);
                    }
                }
            }
            if (gradient.Wants(b) || gradient.Wants(x))
            {
                Tensor g = run.Allocate(rows * rank, weight.Outputs);
                Hadamard.Expand(dy.Span, rows, dy.Width, a.Span, rank, g.Span);
                Elementwise.Scale(g.Span, scale, g.Span);
                Tensor v = run.Allocate(rows * rank, weight.Inputs);
                weight.MultiplyTransposed(run, g, v, false);
                if (gradient.Wants(b))
                {
                    Span<float> db = gradient.GradientToAddTo(b).Span;
                    for (int i = 0; i < rows; i++)
                    {
                        for (int j = 0; j < rank; j++)
                        {
                            Elementwise.MultiplyAdd(x.Row(i), v.Row((i * rank) + j), db.Slice(j * b.Width, b.Width));
                        }
                    }
                }
                if (gradient.Wants(x))
                {
                    Tensor dx = gradient.GradientOf(x, out bool accumulate);
                    Hadamard.Reduce(v.Span, rows, weight.Inputs, b.Span, rank, 1f, dx.Span, accumulate);
                }
            }
            run.Arena.Release(mark);
        }

        private static void AddProduct(float scale, ReadOnlySpan<float> x, ReadOnlySpan<float> y, Span<float> to, Run run)
        {
            ArenaMark mark = run.Arena.Mark;
            Tensor product = run.Arena.Allocate(new Shape(to.Length));
            Elementwise.Multiply(x, y, product.Span);
            Elementwise.AddScaled(scale, product.Span, to);
            run.Arena.Release(mark);
        }
    }
}
