using Lorikeet.Kernels;

namespace Lorikeet.Tensors;

/// <summary>Weighted sums of rows: y[i, :] = sum over s of weights[i, s] x[places[i, s], :], s ascending.</summary>
/// <remarks>Backward: dx[places[i, s], :] += weights[i, s] dy[i, :]; dweights[i, s] = dy[i, :] . x[places[i, s], :]. Saves x and weights.</remarks>
public static class MixRows
{
    /// <summary>Sums rows.</summary>
    /// <param name="run">The run.</param>
    /// <param name="x">[n, width].</param>
    /// <param name="places">[rows, k] row numbers of x, one after another; must not change until backward.</param>
    /// <param name="weights">[rows, k].</param>
    /// <returns>[rows, width].</returns>
    /// <exception cref="ArgumentException">The lengths differ, or a row lies outside x.</exception>
    public static Tensor Forward(Run run, in Tensor x, ReadOnlyMemory<int> places, in Tensor weights)
    {
        ReadOnlySpan<int> from = places.Span;
        ReadOnlySpan<float> w = weights.Span;
        if (from.Length != w.Length || from.ContainsAnyExceptInRange(0, x.Rows - 1))
        {
            throw new ArgumentException($"mix rows: {from.Length} row numbers for weights {weights.Shape} and rows {x.Shape}; expected one each, within the rows", nameof(places));
        }
        Tensor y = run.Allocate(weights.Rows, x.Width);
        int each = weights.Width;
        for (int i = 0; i < y.Rows; i++)
        {
            Span<float> to = y.Row(i);
            Elementwise.Scale(x.Row(from[i * each]), w[i * each], to);
            for (int s = 1; s < each; s++)
            {
                Elementwise.AddScaled(w[(i * each) + s], x.Row(from[(i * each) + s]), to);
            }
        }
        return run.Tape is not null && (x.Recorded || weights.Recorded)
            ? run.Tape.Record(run, y, new MixRowsNode(x, places, weights), weights.Recorded ? x : default, x.Recorded ? weights : default)
            : y;
    }

    private sealed class MixRowsNode(Tensor x, ReadOnlyMemory<int> places, Tensor weights) : Node
    {
        public override void Backward(Run run, ref Backprop gradient)
        {
            Tensor dy = gradient.Output;
            ReadOnlySpan<int> from = places.Span;
            int each = weights.Width;
            if (gradient.Wants(x))
            {
                Tensor dx = gradient.GradientToAddTo(x);
                ReadOnlySpan<float> w = weights.Span;
                for (int i = 0; i < from.Length; i++)
                {
                    Elementwise.AddScaled(w[i], dy.Row(i / each), dx.Row(from[i]));
                }
            }
            if (gradient.Wants(weights))
            {
                Span<float> dw = gradient.GradientToAddTo(weights).Span;
                for (int i = 0; i < from.Length; i++)
                {
                    dw[i] += Reduce.Dot(dy.Row(i / each), x.Row(from[i]));
                }
            }
        }
    }
}
