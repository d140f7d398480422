using Lorikeet.Kernels;

namespace Lorikeet.Tensors;

/// <summary>Adds two tensors of one shape, as a residual connection does.</summary>
/// <remarks>Backward: dy passes to both.</remarks>
public static class Sum
{
    /// <summary>y += x in place; the result shares the memory of <paramref name="y"/>, whose old value is gone.</summary>
    /// <param name="run">The run.</param>
    /// <param name="y">[rows, width], overwritten.</param>
    /// <param name="x">[rows, width].</param>
    public static Tensor Into(Run run, in Tensor y, in Tensor x)
    {
        if (x.Shape.Length != y.Shape.Length)
        {
            throw new ArgumentException($"sum: {y.Shape} and {x.Shape}");
        }
        run.Tape?.Overwrite(y);
        Elementwise.Add(y.Span, x.Span, y.Span);
        return run.Tape is not null && (y.Recorded || x.Recorded) ? run.Tape.Record(run, y, new SumNode(y, x)) : y;
    }

    private sealed class SumNode(Tensor y, Tensor x) : Node
    {
        public override void Backward(Run run, ref Backprop gradient)
        {
            if (gradient.Wants(y))
            {
                gradient.Add(x, gradient.Output);
                gradient.Give(y);
            }
            else
            {
                gradient.Give(x);
            }
        }
    }
}
