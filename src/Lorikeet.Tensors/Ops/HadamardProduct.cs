using Lorikeet.Kernels;

namespace Lorikeet.Tensors;

/// <summary>FLoRA's weight change around one shared product: y = scale * sum over j of A[j] o (W (B[j] o x)).</summary>
/// <remarks>
/// Source: Wen and Chaudhuri, arXiv 2312.05677, Eq. 5-6; W here is [outputs, inputs]. The rank copies of each row go through W as rows of one
/// product. Backward, with u_j = W (B[j] o x) kept, g_j = scale A[j] o dy and v_j = W^T g_j: dA[j] = scale sum over rows of dy o u_j,
/// dB[j] = sum over rows of x o v_j, dx = sum over j of B[j] o v_j; where W trains or is watched, dW = sum over rows and j of g_j (B[j] o x)^T.
/// </remarks>
public static class HadamardProduct
{
    /// <summary>y[i, :] = scale * sum over j of A[j, :] o W (B[j, :] o x[i, :]).</summary>
    /// <param name="run">The run.</param>
    /// <param name="x">[rows, inputs].</param>
    /// <param name="weight">The weight, [outputs, inputs].</param>
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
        ArenaMark mark = run.Arena.Mark;
        Tensor u = run.Allocate(checked(x.Rows * rank), weight.Outputs);
        ArenaMark kept = run.Arena.Mark;
        Tensor expanded = run.Allocate(u.Rows, weight.Inputs);
        Hadamard.Expand(x.Span, x.Rows, x.Width, b.Span, rank, expanded.Span);
        weight.Multiply(run, weight.Prepare(run, expanded), u);
        Hadamard.Reduce(u.Span, x.Rows, weight.Outputs, a.Span, rank, scale, y.Span);
        Tape? tape = run.Tape;
        GradientWatch? watch = tape?.WatchOf(weight);
        bool trains = tape is not null && weight.Trains;
        if (tape is null || !(x.Recorded || a.Recorded || b.Recorded || trains || watch is not null))
        {
            run.Arena.Release(mark);
            return y;
        }
        if (trains)
        {
            weight.Use(run);
        }
        run.Arena.Release(kept);
        return tape.Record(run, y, new HadamardNode(x, weight, a, b, u, scale, trains, watch, tape.FirstRow), x, a, b, u);
    }

    private sealed class HadamardNode(
        Tensor x, Weight weight, Tensor a, Tensor b, Tensor u, float scale, bool trains, GradientWatch? watch, int firstRow) : Node
    {
        public override void Backward(Run run, ref Backprop gradient)
        {
            int rows = x.Rows, rank = a.Rows, inputs = weight.Inputs, outputs = weight.Outputs;
            ArenaMark mark = run.Arena.Mark;
            Tensor dy = run.Allocate(rows, outputs);
            Elementwise.Scale(gradient.Output.Span, scale, dy.Span);
            if (gradient.Wants(a))
            {
                ArenaMark inner = run.Arena.Mark;
                Tensor repeated = Repeat(run, dy, rank);
                Tensor da = gradient.GradientOf(a, out bool accumulate);
                Reduce.DotColumns(repeated.Span, u.Span, rank * outputs, da.Span, accumulate);
                run.Arena.Release(inner);
            }
            bool weightWanted = trains || watch is not null;
            if (weightWanted || gradient.Wants(b) || gradient.Wants(x))
            {
                Tensor g = run.Allocate(rows * rank, outputs);
                Hadamard.Expand(dy.Span, rows, outputs, a.Span, rank, g.Span);
                if (weightWanted)
                {
                    WeightGradient(run, g);
                }
                Tensor v = run.Allocate(rows * rank, inputs);
                weight.MultiplyTransposed(run, g, v, false);
                if (gradient.Wants(b))
                {
                    Tensor repeated = Repeat(run, x, rank);
                    Tensor db = gradient.GradientOf(b, out bool accumulate);
                    Reduce.DotColumns(repeated.Span, v.Span, rank * inputs, db.Span, accumulate);
                }
                if (gradient.Wants(x))
                {
                    Tensor dx = gradient.GradientOf(x, out bool accumulate);
                    Hadamard.Reduce(v.Span, rows, inputs, b.Span, rank, 1f, dx.Span, accumulate);
                }
            }
            run.Arena.Release(mark);
        }

        private void WeightGradient(Run run, in Tensor g)
        {
            ArenaMark mark = run.Arena.Mark;
            Tensor expanded = run.Allocate(g.Rows, weight.Inputs);
            Hadamard.Expand(x.Span, x.Rows, weight.Inputs, b.Span, b.Rows, expanded.Span);
            if (trains)
            {
                weight.AddGradient(run, g, expanded);
            }
            watch?.Add(expanded, g, firstRow, b.Rows);
            run.Arena.Release(mark);
        }

        /// <summary>Each row as often as the rank asks, so that one sum down the columns serves all ranks: its traffic is small beside the product's work.</summary>
        private static Tensor Repeat(Run run, in Tensor x, int rank)
        {
            Tensor repeated = run.Allocate(x.Rows * rank, x.Width);
            Tensor ones = run.Allocate(rank, x.Width);
            ones.Span.Fill(1f);
            Hadamard.Expand(x.Span, x.Rows, x.Width, ones.Span, rank, repeated.Span);
            return repeated;
        }
    }
}
